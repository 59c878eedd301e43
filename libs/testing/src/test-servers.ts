import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import pg from 'pg';

/** Name of the database that the global setup has migrated; each test database is a copy of it. */
export const TEMPLATE_DATABASE = 'managed_consul_template';

/** Database numbers of the shared Redis; number 0 only counts which are taken. */
export const REDIS_DATABASES = 8192;

const REDIS_COUNTER = 'next-test-database';

export interface TestDatabase {
  /** Connection URL of an empty, fully migrated database that nobody else uses. */
  url: string;
  /** Removes the database; sessions still open on it are ended. */
  drop(): Promise<void>;
}

function given(name: 'HCS_TEST_DATABASE_ADMIN_URL' | 'HCS_TEST_REDIS_URL'): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`${name} is not set: name the file *.integration.spec.ts, so that the test servers are started for it.`);
  }
  return value;
}

async function asAdministrator(work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: given('HCS_TEST_DATABASE_ADMIN_URL') });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** A migrated database of the test's own on the shared PostgreSQL, copied from a template in some tens of milliseconds. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await asAdministrator((client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE_DATABASE}`));
  const url = new URL(given('HCS_TEST_DATABASE_ADMIN_URL'));
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: () => asAdministrator((client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
  };
}

/** URL of an empty database number of the shared Redis that nobody else uses. */
export async function testRedisUrl(): Promise<string> {
  const url = new URL(given('HCS_TEST_REDIS_URL'));
  const redis = new Redis(url.href, { maxRetriesPerRequest: 3 });
  try {
    const number = await redis.incr(REDIS_COUNTER);
    if (number >= REDIS_DATABASES) throw new Error(`All ${REDIS_DATABASES} test databases of Redis are taken.`);
    url.pathname = `/${number}`;
    return url.href;
  } finally {
    redis.disconnect();
  }
}
