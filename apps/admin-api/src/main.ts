import { loadSettings } from '@managed-consul/config';
import { createLogger } from '@managed-consul/observability';
import { openAdminServices } from './admin-services';
import { createAdminApi } from './create-admin-api';
import { adminApiSettings } from './settings';

const settings = loadSettings(adminApiSettings);
const log = createLogger({ app: 'admin-api', level: settings.LOG_LEVEL });
const { services, close } = openAdminServices(settings, log);
const { application } = await createAdminApi(services);
await application.listen(settings.ADMIN_PORT, settings.ADMIN_HOST);
log.info({ address: await application.getUrl() }, 'Listening');

/** Answers what is being asked, then lets go of everything. */
async function stop(): Promise<void> {
  log.info('Stopping');
  await application.close();
  await close();
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());
