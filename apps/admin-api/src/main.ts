import { loadSettings } from '@managed-consul/config';
import { answers } from '@managed-consul/database';
import { createLogger, InternalListener, Metrics, startTracing } from '@managed-consul/observability';
import { openAdminServices } from './admin-services';
import { createAdminApi } from './create-admin-api';
import { adminApiSettings } from './settings';

const settings = loadSettings(adminApiSettings);
const log = createLogger({ app: 'admin-api', level: settings.LOG_LEVEL });
const tracing = startTracing({ app: 'admin-api', endpoint: settings.TRACES_ENDPOINT });
const metrics = new Metrics().addProcess();
const { services, close } = openAdminServices(settings, log);
const { application } = await createAdminApi(services, metrics);
const internal = new InternalListener({ database: () => answers(services.database) }, metrics);
const internalPort = await internal.listen(settings.ADMIN_INTERNAL_HOST, settings.ADMIN_INTERNAL_PORT);
await application.listen(settings.ADMIN_PORT, settings.ADMIN_HOST);
log.info({ address: await application.getUrl(), internalPort }, 'Listening');

/** Answers what is being asked, then lets go of everything. */
async function stop(): Promise<void> {
  log.info('Stopping');
  internal.leave();
  await application.close();
  await internal.close();
  await close();
  await tracing.stop();
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());
