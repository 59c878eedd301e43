import { createTokenVerifier, type TokenVerifier } from '@managed-consul/access';
import { systemClock, type Clock, type Milliseconds, type SecretValue, type Settings } from '@managed-consul/config';
import { openDatabase, type Database } from '@managed-consul/database';
import { RequestLimiter } from '@managed-consul/http-api';
import type { Logger } from '@managed-consul/observability';
import { OperationChanges, Operations, QueueBell, type Bell } from '@managed-consul/operations';
import { LocalKeyFile, SecretStore } from '@managed-consul/secrets';
import type { apiSettings } from './settings';

/** What the handlers work with. Built once in main; tests build their own around a database of theirs. */
export interface ApiServices {
  database: Database;
  secrets: SecretStore;
  verifier: TokenVerifier;
  bell: Bell;
  /** Holds callers to so many requests a minute; nobody is held where there is none. */
  limiter?: RequestLimiter;
  operations: Operations;
  changes: OperationChanges;
  /** Aborted when the process stops: whoever waits for something answers with what there is. */
  stopping: AbortController;
  clock: Clock;
  log: Logger;
  /** Address of the API as customers know it, without a slash at the end. */
  publicUrl: string;
  notificationSecret: SecretValue;
  /** For how long a request that Azure forwards may be ahead of Azure's news of its application; 10 s unless said. */
  aheadOfNews?: Milliseconds;
}

/** Nest's token for `ApiServices`. */
export const API_SERVICES = Symbol('ApiServices');

/** Opens everything that the settings name. `close` lets go of it in reverse order. */
export async function openApiServices(
  settings: Settings<typeof apiSettings>,
  log: Logger,
): Promise<{ services: ApiServices; close: () => Promise<void> }> {
  const wrapper = await LocalKeyFile.load(settings.KEY_ENCRYPTION_KEY_FILE);
  const databaseUrl = settings.DATABASE_URL.reveal();
  const database = openDatabase({ url: databaseUrl, maxConnections: settings.DATABASE_MAX_CONNECTIONS });
  const redisUrl = settings.REDIS_URL.reveal();
  const bell = new QueueBell(redisUrl, log);
  const allowance = { reads: settings.API_READS_PER_MINUTE, writes: settings.API_WRITES_PER_MINUTE };
  const limiter = new RequestLimiter('api', redisUrl, allowance, log);
  const operations = new Operations(database, bell);
  const changes = new OperationChanges({ databaseUrl, operations, log });
  const services: ApiServices = {
    database,
    secrets: new SecretStore(database.prisma, wrapper),
    verifier: createTokenVerifier({ authority: settings.ENTRA_AUTHORITY, audience: settings.API_AUDIENCE }),
    bell,
    limiter,
    operations,
    changes,
    stopping: new AbortController(),
    clock: systemClock,
    log,
    publicUrl: settings.API_PUBLIC_URL.replace(/\/$/, ''),
    notificationSecret: settings.NOTIFICATION_SECRET,
  };
  const close = async () => {
    await changes.close();
    limiter.close();
    await bell.close();
    await database.close();
  };
  return { services, close };
}
