import { randomUUID } from 'node:crypto';
import { openDatabase, type Database } from '@managed-consul/database';
import { definePerformance, seedCatalogue, type Figure } from '@managed-consul/testing';
import { closeHour, hourAfter } from '@managed-consul/usage';
import { median } from './median';
import { startOwnServers } from './own-servers';

const CLUSTERS = 100_000;
const ROUNDS = 5;
const MIB = 1024 * 1024;

/** Clusters that have run for days: each with a period that ended long ago and one that goes on, some changed within the hour. */
const PERIODS = `INSERT INTO usage_periods (cluster_id, installation_id, plan_id, charged, servers, vm_size, starts_at, ends_at)
  SELECT cluster, $1::uuid, 'on-demand-v2', true, servers, 'Standard_D2s_v5', starts_at, ends_at
  FROM (SELECT md5(number::text)::uuid AS cluster FROM generate_series(1, $2::int) number) AS clusters,
    (VALUES (1, '2026-01-01T00:00Z'::timestamptz, '2026-01-02T00:00Z'::timestamptz), (3, '2026-01-02T00:00Z', NULL)) AS period(servers, starts_at, ends_at)`;

/** The least that closing an hour can be: as many rows into the same table, out of one that holds them as they are. */
const BARE = `INSERT INTO usage_records (hour, cluster_id, installation_id, meter, plan_id, price_id, seconds, quantity)
  SELECT $1, cluster_id, installation_id, 'cluster/production/3/Standard_D2s_v5', plan_id, NULL, 3600, 3600
  FROM usage_periods WHERE ends_at IS NULL`;

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

async function closeHours(database: Database, first: Date): Promise<{ value: number[]; bare: number[]; grown: number }> {
  const value: number[] = [];
  const bare: number[] = [];
  let hour = first;
  const before = process.memoryUsage().rss;
  for (let round = 0; round <= ROUNDS; round += 1) {
    bare.push(await timeOf(() => database.pool.query(BARE, [hour])));
    hour = hourAfter(hour);
    value.push(await timeOf(() => closeHour(database, hour, hourAfter(hour))));
    hour = hourAfter(hour);
  }
  return { value: value.slice(1), bare: bare.slice(1), grown: (process.memoryUsage().rss - before) / MIB };
}

/** Closing a clock hour of a hundred thousand clusters, against one plain INSERT … SELECT of as many rows. */
export const closeHourOfManyClusters = definePerformance({
  name: 'close-hour',
  description: 'closing an hour of usage for 100k clusters against one bare INSERT … SELECT',
  run: async ({ root, say }) => {
    const servers = await startOwnServers(root);
    const database = openDatabase({ url: servers.databaseUrl, maxConnections: 4 });
    try {
      await seedCatalogue(database);
      await database.pool.query(PERIODS, [randomUUID(), CLUSTERS]);
      await database.pool.query('ANALYZE');
      const { value, bare, grown } = await closeHours(database, new Date('2026-02-01T00:00:00Z'));
      say(`bare ${bare.map((one) => one.toFixed(2)).join(' ')} s, closed ${value.map((one) => one.toFixed(2)).join(' ')} s`);
      const figures: Figure[] = [
        {
          name: 'closing an hour of 100k clusters',
          value: median(value),
          bare: median(bare),
          unit: 's',
          hold: { ratio: 3, is: 'at most' },
        },
        { name: 'memory that closing hours adds', value: grown, unit: 'MiB' },
      ];
      return figures;
    } finally {
      await database.close();
      await servers.stop();
    }
  },
});
