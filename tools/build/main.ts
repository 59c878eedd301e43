/** `npm run build`: bundles every app. */
import { resolve } from 'node:path';
import { buildApps } from './build-apps';

const started = performance.now();
const apps = await buildApps(resolve(import.meta.dirname, '../..'));
console.log(`Built ${apps.map((app) => app.name).join(', ')} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
