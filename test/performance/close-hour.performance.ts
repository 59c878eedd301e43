import { randomUUID } from 'node:crypto';
import { minutes } from '@managed-consul/config';
import { openDatabase, type Database } from '@managed-consul/database';
import { definePerformance, seedCatalogue, type Figure } from '@managed-consul/testing';
import { closeHour, hourAfter } from '@managed-consul/usage';
import { median } from './median';
import { startOwnServers } from '../support/own-servers';

const CLUSTERS = 100_000;
const ROUNDS = 5;
const MIB = 1024 * 1024;

/** Clusters that have run for days: each with a period that ended long ago and one that goes on, some changed within the hour. */
const PERIODS = `INSERT INTO usage_periods (cluster_id, installation_id, plan_id, charged, servers, vm_size, starts_at, ends_at)
  SELECT cluster, $1::uuid, 'on-demand-v2', true, servers, 'Standard_D2s_v5', starts_at, ends_at
  FROM (SELECT md5(number::text)::uuid AS cluster FROM generate_series(1, $2::int) number) AS clusters,
    (VALUES (1, '2026-01-01T00:00Z'::timestamptz, '2026-01-02T00:00Z'::timestamptz), (3, '2026-01-02T00:00Z', NULL)) AS period(servers, starts_at, ends_at)`;

/** Each has a week of snapshots, one a day. */
const SNAPSHOTS = `INSERT INTO snapshots (id, cluster_id, installation_id, name, kind, state, requested_by, stored_bytes, created_at, verified_at, expires_at)
  SELECT gen_random_uuid(), md5(number::text)::uuid, $1::uuid, 'day-' || day, 'SCHEDULED', 'VERIFIED', 'schedule/snapshot', 10485760 + number,
    at, at, at + interval '90 days'
  FROM generate_series(1, $2::int) number, generate_series(1, 7) day,
    LATERAL (SELECT '2026-01-20T00:00Z'::timestamptz + day * interval '1 day' AS at)`;

/** The services of every cluster were counted in the hour. */
const PEAKS = `INSERT INTO service_instance_peaks (cluster_id, hour, instances, last)
  SELECT md5(number::text)::uuid, $1::timestamptz, number % 200, number % 200 FROM generate_series(1, $2::int) number`;

/**
 * The least that closing an hour can be: as many rows into the same table, three of each cluster, out of the tables that they come
 * from, as if every cluster had run all the hour at one price.
 */
const BARE = `INSERT INTO usage_records (hour, cluster_id, installation_id, meter, plan_id, price_id, seconds, quantity)
  SELECT $1::timestamptz, cluster_id, installation_id, 'cluster/production/3/Standard_D2s_v5', plan_id, NULL::uuid, 3600, 3600::numeric
  FROM usage_periods WHERE ends_at IS NULL
  UNION ALL
  SELECT $1, cluster_id, installation_id, 'service-instances', plan_id, NULL, 3600, 3600::numeric * instances
  FROM service_instance_peaks JOIN usage_periods USING (cluster_id) WHERE hour = $1 AND ends_at IS NULL
  UNION ALL
  SELECT $1, cluster_id, installation_id, 'snapshot-storage', 'on-demand-v2', NULL, 3600, 3600 * sum(stored_bytes)
  FROM snapshots WHERE verified_at < $1 AND deleted_at IS NULL GROUP BY cluster_id, installation_id`;

/** One statement, however long it takes: limits of the server and of the client are for requests. */
async function patiently({ pool }: Database, text: string, values: unknown[]): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('SET LOCAL statement_timeout = 0');
    await client.query({ text, values, ...{ query_timeout: minutes(10) } });
    await client.query('COMMIT');
  } finally {
    client.release();
  }
}

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
    await patiently(database, PEAKS, [hour, CLUSTERS]);
    bare.push(await timeOf(() => patiently(database, BARE, [hour])));
    hour = hourAfter(hour);
    await patiently(database, PEAKS, [hour, CLUSTERS]);
    value.push(await timeOf(() => closeHour(database, hour, hourAfter(hour))));
    hour = hourAfter(hour);
  }
  return { value: value.slice(1), bare: bare.slice(1), grown: (process.memoryUsage().rss - before) / MIB };
}

/** Closing a clock hour of a hundred thousand clusters with all their meters, against one plain INSERT … SELECT of as many rows. */
export const closeHourOfManyClusters = definePerformance({
  name: 'close-hour',
  description: 'closing an hour of usage for 100k clusters against one bare INSERT … SELECT',
  run: async ({ root, say }) => {
    const servers = await startOwnServers(root);
    const database = openDatabase({ url: servers.databaseUrl, maxConnections: 4 });
    try {
      await seedCatalogue(database);
      const installation = randomUUID();
      await patiently(database, PERIODS, [installation, CLUSTERS]);
      await patiently(database, SNAPSHOTS, [installation, CLUSTERS]);
      await patiently(database, 'ANALYZE', []);
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
