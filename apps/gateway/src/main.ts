import 'reflect-metadata';
import { readFile } from 'node:fs/promises';
import { loadSettings, seconds, systemClock } from '@managed-consul/config';
import { openDatabase } from '@managed-consul/database';
import { createLogger, Metrics, startTracing } from '@managed-consul/observability';
import { Operations, QueueBell } from '@managed-consul/operations';
import { LocalKeyFile } from '@managed-consul/secrets';
import { Redis } from 'ioredis';
import { startGateway } from './gateway';
import { gatewaySettings } from './settings';

const settings = loadSettings(gatewaySettings);
const log = createLogger({ app: 'gateway', level: settings.LOG_LEVEL });
const tracing = startTracing({ app: 'gateway', endpoint: settings.TRACES_ENDPOINT });
const database = openDatabase({ url: settings.DATABASE_URL.reveal(), maxConnections: settings.DATABASE_MAX_CONNECTIONS });
const redis = new Redis(settings.REDIS_URL.reveal(), {
  // A question to a Redis that is away fails soon: agents stay connected, presence is written once it is back.
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  commandTimeout: seconds(2),
  retryStrategy: (attempt) => Math.min(attempt * 100, seconds(1)),
});
redis.on('error', (err) => log.debug({ err }, 'Redis is not reachable'));
const bell = new QueueBell(settings.REDIS_URL.reveal(), log);
const operations = new Operations(database, bell);

const gateway = await startGateway({
  gatewayId: settings.GATEWAY_ID,
  database,
  redis,
  keyWrapper: await LocalKeyFile.load(settings.KEY_ENCRYPTION_KEY_FILE),
  entraAuthority: settings.ENTRA_AUTHORITY,
  audience: settings.GATEWAY_AUDIENCE,
  tls: {
    certificatePem: await readFile(settings.GATEWAY_TLS_CERTIFICATE_FILE, 'utf8'),
    keyPem: await readFile(settings.GATEWAY_TLS_KEY_FILE, 'utf8'),
  },
  agents: { host: settings.GATEWAY_AGENT_HOST, port: settings.GATEWAY_AGENT_PORT },
  internal: {
    host: settings.GATEWAY_INTERNAL_HOST,
    port: settings.GATEWAY_INTERNAL_PORT,
    url: settings.GATEWAY_INTERNAL_URL,
    token: settings.GATEWAY_INTERNAL_TOKEN,
    diagnosticsToken: settings.GATEWAY_DIAGNOSTICS_TOKEN,
  },
  artifactsFolder: settings.ARTIFACTS_FOLDER,
  certificateLifetime: seconds(settings.GATEWAY_CERTIFICATE_LIFETIME_SECONDS),
  nudge: (subject) => operations.nudge(subject),
  clock: systemClock,
  log,
  metrics: new Metrics().addProcess(),
});

async function stop(): Promise<void> {
  await gateway.stop();
  await bell.close();
  redis.disconnect();
  await database.close();
  await tracing.stop();
}

const stopAndExit = () => {
  log.info({}, 'The gateway stops');
  void stop().then(
    () => process.exit(0),
    (err: unknown) => {
      log.error({ err }, 'The gateway did not stop cleanly');
      process.exit(1);
    },
  );
};
process.once('SIGTERM', stopAndExit);
process.once('SIGINT', stopAndExit);
