/**
 * Starts the servers that integration tests share: one PostgreSQL with a migrated template database, one Redis. Both live in a
 * temporary folder on free ports and are stopped, by their own process, when the run ends.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { REDIS_DATABASES, TEMPLATE_DATABASE } from '../../libs/testing/src/test-servers';
import { applyMigrations } from '../database/schema-engine';
import { freePort } from '../processes/free-port';
import { traversableTemporaryFolder } from '../processes/traversable-folder';
import { startPostgres, type PostgresServer } from '../servers/postgres';
import { findRedis, startRedis, type RedisServer } from '../servers/redis';

const ROOT = resolve(import.meta.dirname, '../..');

/** The data is thrown away, so nothing need survive a crash of the machine. */
const FAST_AND_FORGETFUL = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_connections: '300',
  shared_buffers: '256MB',
  autovacuum: 'off',
};

async function startTestPostgres(folder: string): Promise<PostgresServer> {
  const postgres = await startPostgres({
    root: ROOT,
    dataFolder: join(folder, 'postgres'),
    programsFolder: join(folder, 'postgres-programs'),
    logFile: join(folder, 'postgres.log'),
    port: await freePort(),
    password: 'test',
    parameters: FAST_AND_FORGETFUL,
  });
  try {
    const client = new pg.Client({ connectionString: postgres.adminUrl });
    await client.connect();
    await client.query(`CREATE DATABASE ${TEMPLATE_DATABASE}`);
    await client.end();
    const template = new URL(postgres.adminUrl);
    template.pathname = `/${TEMPLATE_DATABASE}`;
    await applyMigrations(ROOT, template.href);
    return postgres;
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

async function startTestRedis(folder: string): Promise<RedisServer> {
  const program = await findRedis((line) => console.log(line));
  return startRedis(program, {
    dataFolder: join(folder, 'redis'),
    logFile: join(folder, 'redis.log'),
    port: await freePort(),
    durable: false,
    databases: REDIS_DATABASES,
  });
}

/** Called by Vitest before the first integration test; what it gives is called after the last. */
export async function setup(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(traversableTemporaryFolder(), 'managed-consul-tests-'));
  // PostgreSQL may run as another user, who must get to its folder.
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'redis'));
  const started = await Promise.allSettled([startTestPostgres(folder), startTestRedis(folder)]);
  const stopAll = async () => {
    for (const result of started) if (result.status === 'fulfilled') await result.value.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  const [postgres, redis] = started;
  if (postgres.status === 'rejected' || redis.status === 'rejected') {
    await stopAll();
    throw (postgres as PromiseRejectedResult).reason ?? (redis as PromiseRejectedResult).reason;
  }
  process.env['HCS_TEST_DATABASE_ADMIN_URL'] = postgres.value.adminUrl;
  process.env['HCS_TEST_REDIS_URL'] = redis.value.url;
  return stopAll;
}
