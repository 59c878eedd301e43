import { createAgentClient, PresenceDirectory } from '@managed-consul/agent-protocol';
import { createTokenVerifier, type TokenVerifier } from '@managed-consul/access';
import { seconds, systemClock, type Clock, type Settings } from '@managed-consul/config';
import { openDatabase, type Database } from '@managed-consul/database';
import type { BreakGlassLimits } from '@managed-consul/fleet';
import { RequestLimiter } from '@managed-consul/http-api';
import type { Logger } from '@managed-consul/observability';
import { Redis } from 'ioredis';
import { QueueBell, type Bell, type QueueDepth } from '@managed-consul/operations';
import type { Diagnosticians } from './diagnostics/ask-cluster';
import { readObjectIds, type OperatorList } from './operators';
import type { adminApiSettings } from './settings';

/** What the handlers work with. */
export interface AdminServices {
  database: Database;
  verifier: TokenVerifier;
  operators: OperatorList;
  bell: Bell;
  /** Holds callers to so many requests a minute; nobody is held where there is none. */
  limiter?: RequestLimiter;
  /** The queue of the bells, to be shown; it is not shown where there is none. */
  queue?: QueueBell['queue'];
  /** What lies in it; undefined while Redis does not answer. */
  queueDepth: () => Promise<QueueDepth | undefined>;
  breakGlass: BreakGlassLimits;
  /** From how much on a credit takes two persons, in units of its currency. */
  creditLimit: number;
  /** Servers of clusters, to be looked at; undefined where this process has no token for that. */
  agents?: Diagnosticians | undefined;
  clock: Clock;
  log: Logger;
  /** Address of the operators' API, without a slash at the end. */
  publicUrl: string;
}

/** Nest's token for `AdminServices`. */
export const ADMIN_SERVICES = Symbol('AdminServices');

/** The way to the agents, for as much as the token of this process opens: nothing but diagnostics. */
function openAgents(settings: Settings<typeof adminApiSettings>, log: Logger) {
  const token = settings.GATEWAY_DIAGNOSTICS_TOKEN;
  if (!token) return { agents: undefined, disconnect: () => undefined };
  const redis = new Redis(settings.REDIS_URL.reveal(), {
    maxRetriesPerRequest: 1,
    commandTimeout: seconds(2),
    retryStrategy: (times) => Math.min(times * 100, seconds(1)),
  });
  redis.on('error', (err) => log.debug({ err }, 'Redis is not reachable'));
  return {
    agents: createAgentClient({ presence: new PresenceDirectory(redis), token }),
    disconnect: () => redis.disconnect(),
  };
}

/** Opens everything that the settings name. `close` lets go of it in reverse order. */
export function openAdminServices(
  settings: Settings<typeof adminApiSettings>,
  log: Logger,
): { services: AdminServices; close: () => Promise<void> } {
  const database = openDatabase({ url: settings.DATABASE_URL.reveal(), maxConnections: settings.DATABASE_MAX_CONNECTIONS });
  const redisUrl = settings.REDIS_URL.reveal();
  const bell = new QueueBell(redisUrl, log);
  const allowance = { reads: settings.ADMIN_READS_PER_MINUTE, writes: settings.ADMIN_WRITES_PER_MINUTE };
  const limiter = new RequestLimiter('admin-api', redisUrl, allowance, log);
  const { agents, disconnect } = openAgents(settings, log);
  const services: AdminServices = {
    database,
    verifier: createTokenVerifier({ authority: settings.ADMIN_AUTHORITY, audience: settings.ADMIN_AUDIENCE }),
    operators: {
      tenantId: settings.ADMIN_TENANT_ID,
      viewers: readObjectIds(settings.ADMIN_VIEWERS),
      operators: readObjectIds(settings.ADMIN_OPERATORS),
      leads: readObjectIds(settings.ADMIN_LEADS),
    },
    bell,
    limiter,
    queue: bell.queue,
    agents,
    queueDepth: () => bell.depth(),
    breakGlass: {
      shortest: settings.ADMIN_BREAK_GLASS_SHORTEST_MINUTES,
      longest: settings.ADMIN_BREAK_GLASS_LONGEST_MINUTES,
      approveWithin: settings.ADMIN_BREAK_GLASS_APPROVE_MINUTES,
    },
    creditLimit: settings.ADMIN_CREDIT_LIMIT,
    clock: systemClock,
    log,
    publicUrl: settings.ADMIN_PUBLIC_URL.replace(/\/$/, ''),
  };
  const close = async () => {
    limiter.close();
    await bell.close();
    disconnect();
    await database.close();
  };
  return { services, close };
}
