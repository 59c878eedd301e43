import { mkdtemp, rm } from 'node:fs/promises';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { applyMigrations } from '../../tools/database/schema-engine';
import { freePort } from '../../tools/processes/free-port';
import { traversableTemporaryFolder } from '../../tools/processes/traversable-folder';
import { startPostgres } from '../../tools/servers/postgres';
import { findRedis, startRedis } from '../../tools/servers/redis';

/** PostgreSQL and Redis for one benchmark alone. */
export interface OwnServers {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  stop(): Promise<void>;
}

/** Starts both, PostgreSQL as durable as in production: every commit is on the disk before it is acknowledged. */
export async function startOwnServers(root: string): Promise<OwnServers> {
  const folder = await mkdtemp(join(traversableTemporaryFolder(), 'managed-consul-performance-'));
  chmodSync(folder, 0o755);
  const postgres = await startPostgres({
    root,
    dataFolder: join(folder, 'postgres'),
    programsFolder: join(folder, 'postgres-programs'),
    logFile: join(folder, 'postgres.log'),
    port: await freePort(),
    password: 'performance',
    parameters: { max_connections: '100', shared_buffers: '256MB' },
  });
  const redis = await startRedis(await findRedis(), {
    dataFolder: join(folder, 'redis'),
    logFile: join(folder, 'redis.log'),
    port: await freePort(),
    durable: true,
  });
  await applyMigrations(root, postgres.adminUrl);
  return {
    databaseUrl: postgres.adminUrl,
    redisUrl: redis.url,
    stop: async () => {
      await Promise.all([postgres.stop(), redis.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
