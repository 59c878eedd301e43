import { createTokenVerifier, type TokenVerifier } from '@managed-consul/access';
import { systemClock, type Clock, type Settings } from '@managed-consul/config';
import { openDatabase, type Database } from '@managed-consul/database';
import type { Logger } from '@managed-consul/observability';
import { QueueBell, type Bell } from '@managed-consul/operations';
import { readObjectIds, type OperatorList } from './operators';
import type { adminApiSettings } from './settings';

/** What the handlers work with. */
export interface AdminServices {
  database: Database;
  verifier: TokenVerifier;
  operators: OperatorList;
  bell: Bell;
  clock: Clock;
  log: Logger;
  /** Address of the operators' API, without a slash at the end. */
  publicUrl: string;
}

/** Nest's token for `AdminServices`. */
export const ADMIN_SERVICES = Symbol('AdminServices');

/** Opens everything that the settings name. `close` lets go of it in reverse order. */
export function openAdminServices(
  settings: Settings<typeof adminApiSettings>,
  log: Logger,
): { services: AdminServices; close: () => Promise<void> } {
  const database = openDatabase({ url: settings.DATABASE_URL.reveal(), maxConnections: settings.DATABASE_MAX_CONNECTIONS });
  const bell = new QueueBell(settings.REDIS_URL.reveal(), log);
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
    clock: systemClock,
    log,
    publicUrl: settings.ADMIN_PUBLIC_URL.replace(/\/$/, ''),
  };
  const close = async () => {
    await bell.close();
    await database.close();
  };
  return { services, close };
}
