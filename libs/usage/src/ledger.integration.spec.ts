import { randomUUID } from 'node:crypto';
import { RowBench } from '@managed-consul/testing';
import type { Prisma } from '@managed-consul/database';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  addPrice,
  checkClosedHours,
  closeDueHours,
  closeHour,
  closeInstallation,
  compareHour,
  correctHour,
  creditRecord,
  examineCoverage,
  recordServiceInstances,
  reopenInstallation,
} from './index';

const HOUR = new Date('2026-03-29T01:00:00Z');
const at = (time: string) => new Date(`2026-03-29T${time}Z`);
const tiers = [{ upTo: null, unitPrice: '0.5' }];

let bench: RowBench;

beforeAll(async () => {
  bench = await RowBench.open();
});
afterAll(() => bench.close());

/** Does what a change of the service does to a row, at that time. */
async function change(clusterId: string, time: Date, data: Prisma.ClusterUncheckedUpdateInput): Promise<void> {
  await bench.database.prisma.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT set_config('managed_consul.usage_time', ${time.toISOString()}, true)`;
    await tx.cluster.update({ where: { id: clusterId }, data });
  });
}

/** A place of its own. */
const newInstallation = async (): Promise<string> =>
  (
    await bench.database.prisma.installation.create({
      data: {
        ...{ kind: 'Direct', state: 'Ready', tenantId: randomUUID(), subscriptionId: randomUUID() },
        ...{ resourceGroup: 'own', region: 'westeurope', planId: 'on-demand' },
      },
    })
  ).id;

/** A cluster that became ready at that time. */
async function readyAt(time: Date, more: Parameters<RowBench['newCluster']>[0] = {}): Promise<string> {
  const id = await bench.newCluster({ provisioningState: 'Creating', ...more });
  await change(id, time, { provisioningState: 'Succeeded' });
  return id;
}

/** What the ledger says of a cluster in an hour: meter, seconds, quantity. */
const rowsOf = async (clusterId: string, hour = HOUR) =>
  (
    await bench.database.prisma.usageRecord.findMany({ where: { clusterId, hour }, orderBy: [{ meter: 'asc' }, { id: 'asc' }] })
  ).map(({ meter, seconds, quantity }) => [meter, seconds, quantity.toNumber()]);

const measure = async (hour = HOUR) => {
  const found = await compareHour(bench.database, hour);
  return (clusterId: string) =>
    found
      .filter((one) => one.clusterId === clusterId)
      .map(({ meter, computed, planId }) => [planId, meter, computed.seconds, Number(computed.quantity)]);
};

test('billing begins when a cluster is ready and stops when a suspension or a delete begins, to the second', async () => {
  const never = await bench.newCluster({ provisioningState: 'Creating' });
  await change(never, at('01:00:00'), { provisioningState: 'Failed' });
  const busy = await readyAt(at('01:10:00.900'));
  await change(busy, at('01:20:00'), { provisioningState: 'Updating' });
  await change(busy, at('01:21:00'), { provisioningState: 'Failed' });
  await change(busy, at('01:30:00'), { powerState: 'Suspended', provisioningState: 'Updating' });
  await change(busy, at('01:31:00'), { provisioningState: 'Succeeded' });
  await change(busy, at('01:40:00'), { provisioningState: 'Updating' });
  await change(busy, at('01:41:00'), { powerState: 'Running' });
  await change(busy, at('01:42:00'), { provisioningState: 'Succeeded' });
  await change(busy, at('01:50:00'), { provisioningState: 'Deleting' });
  await change(busy, at('01:51:00'), { provisioningState: 'Failed' });
  const of = await measure();
  expect(of(never)).toEqual([]);
  expect(of(busy)).toEqual([['on-demand', 'cluster/development/1/Standard_D2s_v3', 1200 + 480, 1680]]);
});

test('a change of servers, size or plan in the middle of an hour cuts it where it happened', async () => {
  const cluster = await readyAt(at('00:30:00'), { servers: 3 });
  await change(cluster, at('01:15:00'), { servers: 5 });
  await change(cluster, at('01:30:00'), { vmSize: 'Standard_D4s_v5' });
  await change(cluster, at('01:45:00'), { planId: 'annual' });
  // A clock that steps back bills nothing twice and nothing less.
  await change(cluster, at('01:40:00'), { planId: 'on-demand' });
  expect((await measure())(cluster)).toEqual([
    ['on-demand', 'cluster/production/3/Standard_D2s_v3', 900, 900],
    ['on-demand', 'cluster/production/5/Standard_D2s_v3', 900, 900],
    ['on-demand', 'cluster/production/5/Standard_D4s_v5', 1800, 1800],
  ]);
});

test('service instances count by the most of the hour, for the time that the cluster is billed', async () => {
  const cluster = await readyAt(at('01:30:00'));
  await bench.database.prisma.$transaction(async (tx) => {
    for (const [instances, time] of [
      [7, '01:31:00'],
      [40, '01:45:00'],
      [12, '01:59:59.999'],
      [99, '02:00:00'],
    ] as const)
      await recordServiceInstances(tx, cluster, instances, at(time));
  });
  expect((await measure())(cluster)).toContainEqual(['on-demand', 'service-instances', 1800, 1800 * 40]);
});

const count = (clusterId: string, instances: number, time: Date) =>
  bench.database.prisma.$transaction((tx) => recordServiceInstances(tx, clusterId, instances, time));

test('stored snapshots count by byte and second, while their cluster is suspended too, until they are deleted', async () => {
  const cluster = await readyAt(at('00:10:00'));
  await change(cluster, at('00:20:00'), { powerState: 'Suspended' });
  const { installationId } = await bench.database.prisma.cluster.findUniqueOrThrow({ where: { id: cluster } });
  const snapshot = (name: string, verifiedAt: string, storedBytes: bigint, deletedAt?: string) => ({
    ...({
      clusterId: cluster,
      installationId,
      name,
      kind: 'MANUAL',
      state: 'VERIFIED',
      requestedBy: 'tests',
      storedBytes,
    } as const),
    ...{ verifiedAt: at(verifiedAt), expiresAt: at('23:00:00'), deletedAt: deletedAt ? at(deletedAt) : null },
  });
  await bench.database.prisma.snapshot.createMany({
    data: [
      snapshot('before', '00:15:00', 1000n),
      snapshot('within', '01:30:00', 500n, '01:40:00'),
      snapshot('gone', '00:15:00', 9999n, '00:59:00'),
    ],
  });
  expect((await measure())(cluster)).toEqual([['on-demand', 'snapshot-storage', 3600, 1000 * 3600 + 500 * 600]]);
});

test('a price that begins in the middle of an hour cuts it, and refuses to begin in an hour that is billed', async () => {
  await bench.database.prisma.plan.create({ data: { id: 'own', displayName: 'Own', description: 'Own', hourlyMicros: {} } });
  const wish = { planId: 'own', currency: 'USD', dimensions: [{ meter: 'cluster', name: 'cluster_hours', tiers }] };
  const add = (more: object) => bench.database.prisma.$transaction((tx) => addPrice(tx, { ...wish, validFrom: HOUR, ...more }));
  await add({ validFrom: at('00:00:00') });
  await add({ validFrom: at('01:20:00') });
  const cluster = await readyAt(at('01:00:00'), { planId: 'own' });
  expect(
    (await measure())(cluster)
      .map((row) => row[2])
      .sort(),
  ).toEqual([1200, 2400]);
  await expect(add({ validFrom: at('01:20:00') })).rejects.toMatchObject({ code: 'InvalidPrice', target: 'validFrom' });
  await expect(add({ validFrom: at('01:30:00.500') })).rejects.toMatchObject({ code: 'InvalidPrice', target: 'validFrom' });
  await expect(add({ validFrom: at('09:00:00'), dimensions: [] })).rejects.toMatchObject({ target: 'dimensions' });
  await expect(add({ planId: 'none' })).rejects.toMatchObject({ code: 'ResourceNotFound' });
});

test('an hour is in the ledger once, however often and by however many it is closed, and then agrees with what was recorded', async () => {
  const cluster = await readyAt(at('01:00:00'));
  const closed = await Promise.all([1, 2, 3].map(() => closeHour(bench.database, HOUR, at('02:10:00'))));
  expect(closed.filter((rows) => rows !== undefined)).toHaveLength(1);
  expect(await closeHour(bench.database, HOUR, at('02:11:00'))).toBeUndefined();
  expect(await rowsOf(cluster)).toEqual([['cluster/development/1/Standard_D2s_v3', 3600, 3600]]);
  expect(await compareHour(bench.database, HOUR)).toEqual([]);
  await expect(
    bench.database.prisma.$transaction((tx) =>
      addPrice(tx, {
        planId: 'own',
        currency: 'USD',
        validFrom: at('01:59:59'),
        dimensions: [{ meter: 'cluster', name: 'x', tiers }],
      }),
    ),
  ).rejects.toMatchObject({ code: 'InvalidPrice', target: 'validFrom' });
});

test('hours that nobody closed in time are closed later, each of them, and only when they are over', async () => {
  const closed = await closeDueHours(bench.database, at('05:04:59'));
  expect(closed.map((hour) => hour.toISOString().slice(11, 13))).toEqual(['02', '03']);
  expect(await closeDueHours(bench.database, at('05:05:00'))).toEqual([at('04:00:00')]);
  expect(await closeDueHours(bench.database, at('05:05:00'))).toEqual([]);
});

test('what comes to light later is corrected by rows that name what they correct', async () => {
  const cluster = await readyAt(at('05:00:00'));
  const correction = { reason: 'A change arrived late.', recordedBy: 'recompute', now: at('07:00:00') };
  expect(await correctHour(bench.database, at('05:00:00'), correction), 'an hour that is open').toEqual([]);
  await closeDueHours(bench.database, at('06:10:00'));
  await change(cluster, at('05:45:00'), { servers: 3 });
  const corrected = (await correctHour(bench.database, at('05:00:00'), correction)).filter((one) => one.clusterId === cluster);
  expect(corrected).toHaveLength(2);
  expect(await correctHour(bench.database, at('05:00:00'), correction)).toEqual([]);
  expect(await rowsOf(cluster, at('05:00:00'))).toEqual([
    ['cluster/development/1/Standard_D2s_v3', 3600, 3600],
    ['cluster/development/1/Standard_D2s_v3', -900, -900],
    ['cluster/production/3/Standard_D2s_v3', 900, 900],
  ]);
  const [first, second] = await bench.database.prisma.usageRecord.findMany({
    where: { clusterId: cluster, hour: at('05:00:00') },
    orderBy: { id: 'asc' },
  });
  const all = await bench.database.prisma.usageRecord.findMany({ where: { correctsId: { in: [first!.id, second!.id] } } });
  expect(all).toMatchObject([{ kind: 'Correction', reason: correction.reason, recordedBy: 'recompute' }]);
});

test('an operator sees hours that are open, rows that differ, and clusters whose services nobody counted', async () => {
  const cluster = await readyAt(at('05:30:00'));
  const span = { from: at('05:00:00'), to: at('08:00:00') };
  const { openHours, uncounted, mismatched } = await examineCoverage(bench.database, span, at('07:30:00'));
  expect(openHours).toEqual([at('06:00:00')]);
  expect(mismatched.map(({ clusterId, recorded, computed }) => [clusterId, recorded.seconds, computed.seconds])).toEqual([
    [cluster, 0, 1800],
  ]);
  expect(
    uncounted.some(({ clusterId }) => clusterId === cluster),
    'an hour without a row is a mismatch',
  ).toBe(false);
  await correctHour(bench.database, at('05:00:00'), { reason: 'Was missed.', recordedBy: 'recompute', now: at('07:00:00') });
  const after = await examineCoverage(bench.database, span, at('07:30:00'));
  expect(after.mismatched).toEqual([]);
  expect(after.uncounted).toContainEqual({ clusterId: cluster, hour: at('05:00:00') });
});

test('a credit lets off time of a record and never more than it has', async () => {
  const cluster = await readyAt(at('06:30:00'));
  await closeDueHours(bench.database, at('07:10:00'));
  const record = await bench.database.prisma.usageRecord.findFirstOrThrow({ where: { clusterId: cluster } });
  const credit = (seconds: number, recordId = record.id) =>
    bench.database.prisma.$transaction((tx) =>
      creditRecord(tx, { recordId, seconds, reason: 'An outage of ours.', recordedBy: 'operator/1', now: at('08:00:00') }),
    );
  const { id } = await credit(600);
  await expect(credit(1201)).rejects.toMatchObject({ code: 'CreditExceedsRecord', target: 'seconds' });
  for (const seconds of [0, -1, 1.5]) await expect(credit(seconds)).rejects.toMatchObject({ code: 'InvalidRequest' });
  await expect(credit(1, id), 'of a credit').rejects.toMatchObject({ code: 'ResourceNotFound' });
  const race = await Promise.allSettled([credit(1200), credit(1200)]);
  expect(race.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const sum = await bench.database.prisma.usageRecord.aggregate({
    where: { clusterId: cluster },
    _sum: { seconds: true, quantity: true },
  });
  expect([sum._sum.seconds, sum._sum.quantity?.toNumber()]).toEqual([0, 0]);
  // A credit is no mistake of the ledger.
  expect(await compareHour(bench.database, at('06:00:00'))).toEqual([]);
});

test('a cluster that nobody can count keeps the instances that were seen last, until it is counted or stops', async () => {
  const [away, counted, stopped, never] = [
    await readyAt(at('04:10:00')),
    await readyAt(at('04:10:00')),
    await readyAt(at('04:10:00')),
    await readyAt(at('04:10:00')),
  ];
  const hours = [at('08:00:00'), at('09:00:00'), at('10:00:00')] as const;
  for (const clusterId of [away, counted, stopped]) {
    await count(clusterId, 9, at('08:10:00'));
    await count(clusterId, 5, at('08:20:00'));
  }
  await count(counted, 2, at('09:30:00'));
  await change(stopped, at('08:59:59'), { powerState: 'Suspended' });
  await closeDueHours(bench.database, at('11:06:00'));
  const instances = async (clusterId: string) => {
    const rows = await Promise.all(hours.map((hour) => rowsOf(clusterId, hour)));
    return rows.map((ofHour) => ofHour.filter(([meter]) => meter === 'service-instances').map(([, , quantity]) => quantity));
  };
  expect(await instances(away)).toEqual([[9 * 3600], [5 * 3600], [5 * 3600]]);
  expect(await instances(counted)).toEqual([[9 * 3600], [2 * 3600], [2 * 3600]]);
  expect(await instances(stopped)).toEqual([[9 * 3599], [], []]);
  expect(await instances(never)).toEqual([[], [], []]);
  const { uncounted } = await examineCoverage(bench.database, { from: hours[0], to: at('11:00:00') }, at('11:06:00'));
  const ofAway = uncounted.filter(({ clusterId }) => clusterId === away).map(({ hour }) => hour);
  expect(ofAway, 'an operator sees that nobody counted').toEqual([hours[1], hours[2]]);
  expect(await compareHour(bench.database, hours[2])).toEqual([]);
});

test('closed hours are computed again once a day, and what differs is kept until it is corrected', async () => {
  const now = new Date('2026-03-30T12:00:00Z');
  const later = new Date('2026-03-31T12:00:00Z');
  const correction = { reason: 'Was missed.', recordedBy: 'operator/1', now };
  const closed = (await bench.database.prisma.usageHour.findMany()).map(({ hour }) => hour);
  for (const hour of closed) await correctHour(bench.database, hour, correction);
  const cluster = await readyAt(at('10:30:00'));
  const all = (await checkClosedHours(bench.database, now, 100)).sort((one, other) => Number(one.hour) - Number(other.hour));
  expect(all).toHaveLength(closed.length);
  expect(all.filter(({ differences }) => differences > 0)).toEqual([{ hour: at('10:00:00'), differences: 1 }]);
  expect(await checkClosedHours(bench.database, now, 100)).toEqual([]);
  await correctHour(bench.database, at('10:00:00'), correction);
  expect(await checkClosedHours(bench.database, later, 1), 'the longest not checked first').toHaveLength(1);
  await checkClosedHours(bench.database, later, 100);
  expect(await bench.database.prisma.usageCheck.count({ where: { differences: { not: 0 } } })).toBe(0);
  await change(cluster, at('11:00:00'), { powerState: 'Suspended' });
});

test('a place that goes is billed up to then and no further, before its hour is over, and the hour is closed the same', async () => {
  const now = at('12:20:00');
  const installationId = await newInstallation();
  const cluster = await readyAt(at('11:50:00'), { installationId });
  const other = await readyAt(at('12:00:00'));
  await count(cluster, 3, at('11:55:00'));
  const close = () => closeInstallation(bench.database, installationId, now);
  expect(await Promise.all([close(), close()])).toEqual([now, now]);
  expect(await closeInstallation(bench.database, installationId, at('12:40:00')), 'the first call counts').toEqual(now);
  const closed = [
    ['cluster/development/1/Standard_D2s_v3', 1200, 1200],
    ['service-instances', 1200, 3600],
  ];
  expect(await rowsOf(cluster, at('12:00:00'))).toEqual(closed);
  expect(await rowsOf(cluster, at('11:00:00')), 'an hour that nobody had closed yet').toContainEqual([
    'cluster/development/1/Standard_D2s_v3',
    600,
    600,
  ]);
  await change(cluster, at('12:30:00'), { provisioningState: 'Deleting' });
  await closeDueHours(bench.database, at('13:06:00'));
  expect(await rowsOf(cluster, at('12:00:00'))).toEqual(closed);
  expect(await compareHour(bench.database, at('12:00:00'))).toEqual([]);
  expect(await rowsOf(other, at('12:00:00'))).toEqual([['cluster/development/1/Standard_D2s_v3', 3600, 3600]]);
});

test('a place that was not deleted after all is billed on, and its hour is put right when it ends', async () => {
  const installationId = await newInstallation();
  const cluster = await readyAt(at('14:00:00'), { installationId });
  await closeInstallation(bench.database, installationId, at('14:10:00'));
  await reopenInstallation(bench.database, installationId, at('14:15:00'));
  await closeDueHours(bench.database, at('16:06:00'));
  const running = 'cluster/development/1/Standard_D2s_v3';
  expect(await rowsOf(cluster, at('14:00:00'))).toEqual([
    [running, 600, 600],
    [running, 2700, 2700],
  ]);
  expect(await rowsOf(cluster, at('15:00:00'))).toEqual([[running, 3600, 3600]]);
  expect(await compareHour(bench.database, at('14:00:00'))).toEqual([]);
});

test('the database itself refuses to change or remove what is in the ledger', async () => {
  const { pool } = bench.database;
  const refused = { code: '23001', message: expect.stringContaining('never changed or removed') };
  for (const table of ['usage_records', 'usage_hours', 'plan_prices', 'usage_periods']) {
    expect((await pool.query(`SELECT FROM ${table}`)).rowCount, table).toBeGreaterThan(0);
    await expect(pool.query(`DELETE FROM ${table}`), table).rejects.toMatchObject(refused);
    await expect(pool.query(`TRUNCATE ${table} CASCADE`), table).rejects.toMatchObject(refused);
  }
  const { rows } = await pool.query<{ table: string; column: string }>(`SELECT table_name AS table, column_name AS column
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name IN ('usage_records', 'usage_hours', 'plan_prices', 'usage_periods')`);
  for (const { table, column } of rows)
    await expect(
      pool.query(
        `UPDATE ${table} SET ${column} = ${SAMPLES[column] ?? fail(column)} ${table === 'usage_periods' ? 'WHERE ends_at IS NOT NULL' : ''}`,
      ),
      `${table}.${column}`,
    ).rejects.toMatchObject(refused);
  await expect(pool.query(`UPDATE usage_periods SET charged = NOT charged WHERE ends_at IS NULL`)).rejects.toMatchObject(refused);
});

const fail = (column: string): never => {
  throw new Error(`Say what another value of ${column} is.`);
};

/** For every column of the ledger's tables another value. */
const SAMPLES: Readonly<Record<string, string>> = {
  id: 'id',
  kind: `'Correction'`,
  ...{ cluster_id: `'${randomUUID()}'`, installation_id: `'${randomUUID()}'`, price_id: 'NULL', corrects_id: '1' },
  ...{ plan_id: `'annual'`, meter: `'other'`, vm_size: `'other'`, currency: `'EUR'`, reason: `'other'`, recorded_by: `'other'` },
  ...{ charged: 'NOT charged', servers: 'servers + 1', seconds: 'seconds - 1', quantity: 'quantity + 1', records: 'records + 1' },
  ...{ starts_at: 'now()', ends_at: 'now()', hour: 'now()', recorded_at: 'now()', closed_at: 'now()' },
  ...{ valid_from: 'now()', created_at: 'now()', dimensions: `'[]'` },
};
