// Exits 0 when node_modules holds what package-lock.json names. Plain JavaScript, because nothing is installed yet when it runs.
import { readFileSync } from 'node:fs';

const read = (path) => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
};

const wanted = read('package-lock.json');
const installed = read('node_modules/.package-lock.json');
const isThere = ([path, entry]) =>
  path === '' || entry.optional || entry.devOptional || installed[path]?.version === entry.version;

process.exitCode = wanted && installed && Object.entries(wanted).every(isThere) ? 0 : 1;
