import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { openDatabase, type Database } from '@managed-consul/database';
import { createTestDatabase } from '@managed-consul/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dayOf, exportUsage, writeExport } from './index';

const FIRST = new Date('2026-02-01T00:00:00Z');
const PLACE = randomUUID();
let place: Awaited<ReturnType<typeof createTestDatabase>>;
let database: Database;

/** So many clusters that ran for one hour each: more than are read at once. */
const CLUSTERS = 2300;

beforeAll(async () => {
  place = await createTestDatabase();
  database = openDatabase({ url: place.url, maxConnections: 2 });
  await database.pool.query(
    `INSERT INTO usage_records (hour, cluster_id, installation_id, meter, plan_id, seconds, quantity)
    SELECT $1::timestamptz + (n / 2000) * interval '23 hours', gen_random_uuid(),
      CASE WHEN n % 100 = 0 THEN $2::uuid ELSE gen_random_uuid() END, 'cluster/development/1/x', 'on-demand', 3600, 3600
    FROM generate_series(1, ${CLUSTERS}) AS n`,
    [FIRST, PLACE],
  );
});
afterAll(async () => {
  await database.close();
  await place.drop();
});

const count = async (span = dayOf(FIRST), installationId?: string): Promise<number> => {
  const clusters = new Set<string>();
  for await (const { clusterId, cost, currency } of exportUsage(database, span, installationId)) {
    expect([cost.toText(), currency]).toEqual(['0.000000', null]);
    clusters.add(clusterId);
  }
  return clusters.size;
};

test('an export has every line of the time and of no other, however many there are', async () => {
  expect(await count()).toBe(CLUSTERS);
  expect(await count(dayOf(FIRST), PLACE)).toBe(CLUSTERS / 100);
  expect(await count(dayOf(new Date('2026-02-02T00:00:00Z')))).toBe(0);
});

test('an export that nobody reads to its end gives its connection back', async () => {
  for (let reader = 0; reader < 3; reader += 1) for await (const _line of exportUsage(database, dayOf(FIRST))) break;
  expect((await database.pool.query('SELECT FROM usage_records LIMIT 1')).rowCount).toBe(1);
  expect(database.pool.idleCount).toBe(database.pool.totalCount);
});

test('text that a spreadsheet would take for something else stays text, and cells are told apart', async () => {
  for await (const line of exportUsage(database, dayOf(FIRST), PLACE)) {
    const lines = [{ ...line, clusterName: '=1+1', region: 'a,"b"' }];
    const text: string[] = [];
    for await (const part of writeExport('csv', Readable.from(lines))) text.push(part);
    expect(text[1]).toContain(`,'=1+1,"a,""b""",`);
    break;
  }
});
