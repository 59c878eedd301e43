import { Redis } from 'ioredis';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { createTestDatabase, testRedisUrl } from './test-servers';

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as unknown[];
  } finally {
    await client.end();
  }
}

describe('test servers', () => {
  it('give each caller a migrated database of its own', async () => {
    const [first, second] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    await query(
      first.url,
      `INSERT INTO regions (name, display_name, geography, availability_zones) VALUES ('here', 'Here', 'Earth', true)`,
    );
    expect(await query(first.url, 'SELECT name FROM regions')).toEqual([{ name: 'here' }]);
    expect(await query(second.url, 'SELECT name FROM regions')).toEqual([]);
    await Promise.all([first.drop(), second.drop()]);
    await expect(query(first.url, 'SELECT 1')).rejects.toThrow(/does not exist/);
  });

  it('give each caller an empty Redis database of its own', async () => {
    const [first, second] = await Promise.all([testRedisUrl(), testRedisUrl()]);
    const [one, two] = [new Redis(first), new Redis(second)];
    await one.set('key', 'of the first');
    expect(await two.get('key')).toBeNull();
    one.disconnect();
    two.disconnect();
  });
});
