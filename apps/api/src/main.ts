import { loadSettings } from '@managed-consul/config';
import { answers } from '@managed-consul/database';
import { createLogger, InternalListener, Metrics, startTracing } from '@managed-consul/observability';
import { openApiServices } from './api-services';
import { createApi } from './create-api';
import { apiSettings } from './settings';

const settings = loadSettings(apiSettings);
const log = createLogger({ app: 'api', level: settings.LOG_LEVEL });
const tracing = startTracing({ app: 'api', endpoint: settings.TRACES_ENDPOINT });
const metrics = new Metrics().addProcess();
const { services, close } = await openApiServices(settings, log);
const { application } = await createApi(services, metrics);
const internal = new InternalListener({ database: () => answers(services.database) }, metrics);
const internalPort = await internal.listen(settings.API_INTERNAL_HOST, settings.API_INTERNAL_PORT);
await application.listen(settings.API_PORT, settings.API_HOST);
log.info({ address: await application.getUrl(), internalPort }, 'Listening');

/** Answers what is being asked, then lets go of everything. */
async function stop(): Promise<void> {
  log.info('Stopping');
  internal.leave();
  // First those who wait for an operation, or the listener would wait for them.
  services.stopping.abort();
  await application.close();
  await internal.close();
  await close();
  await tracing.stop();
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());
