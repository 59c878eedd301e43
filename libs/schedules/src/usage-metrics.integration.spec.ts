import { randomUUID } from 'node:crypto';
import { hours } from '@managed-consul/config';
import { openDatabase, type Database } from '@managed-consul/database';
import { Metrics } from '@managed-consul/observability';
import { createTestDatabase, FakeClock, type TestDatabase } from '@managed-consul/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addUsageMetrics } from './index';

const HOUR = new Date('2026-05-20T10:00:00Z');

let place: TestDatabase;
let database: Database;
let installationId: string;
const clock = new FakeClock('2026-05-20T11:10:00Z');
const metrics = new Metrics();

beforeAll(async () => {
  place = await createTestDatabase();
  database = openDatabase({ url: place.url, maxConnections: 3 });
  addUsageMetrics(metrics, database, clock);
  const installation = await database.prisma.installation.create({
    data: {
      ...{ kind: 'ManagedApplication', state: 'Ready', tenantId: randomUUID(), subscriptionId: randomUUID() },
      ...{ resourceGroup: 'managed', region: 'westeurope', planId: 'on-demand', applicationId: '/application' },
    },
  });
  installationId = installation.id;
});

afterAll(async () => {
  await database.close();
  await place.drop();
});

/** The figure of that name, with these labels; undefined when it is not there. */
async function figure(name: string, labels = ''): Promise<number | undefined> {
  const line = (await metrics.text()).split('\n').find((one) => one.startsWith(`managed_consul_usage_${name}${labels} `));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

const emission = (more: object) =>
  database.prisma.usageEmission.create({
    data: {
      ...{ installationId, resourceId: randomUUID(), dimension: 'cluster', hour: HOUR, planId: 'on-demand' },
      ...{ ledgerQuantity: 3600, quantity: 1, nextTryAt: HOUR, createdAt: clock.now() },
      ...more,
    },
  });

test('a quiet ledger alarms nobody', async () => {
  for (const name of ['carried_events', 'mismatched_days', 'wrong_hours', 'uncovered_clusters', 'unclosed_hours'])
    expect([name, await figure(name)]).toEqual([name, 0]);
  expect(await figure('oldest_unsent_seconds')).toBe(0);
  expect(await figure('events', '{state="Parked"}')).toBeUndefined();
});

test('events that Azure has not taken count by state, and the oldest tells how late it is', async () => {
  for (const state of ['Pending', 'Parked', 'Parked', 'Unresolved', 'Mismatched', 'Accepted', 'Expired'])
    await emission({ state });
  expect(await figure('events', '{state="Pending"}')).toBe(1);
  expect(await figure('events', '{state="Parked"}')).toBe(2);
  expect(await figure('events', '{state="Unresolved"}')).toBe(1);
  expect(await figure('events', '{state="Mismatched"}')).toBe(1);
  expect(await figure('events', '{state="Accepted"}')).toBeUndefined();
  expect(await figure('oldest_unsent_seconds')).toBe(600);
});

test('what was carried into a later hour counts for a day', async () => {
  await emission({ state: 'Accepted', carriedQuantity: 1800 });
  expect(await figure('carried_events')).toBe(1);
  clock.advance(hours(25));
  expect(await figure('carried_events')).toBe(0);
});

test('days for which Azure says something else, and hours that a check found wrong, are counted', async () => {
  const amounts = { sentQuantity: 2, submittedQuantity: 1, processedQuantity: 1, reconStatus: 'Mismatch', foundAt: HOUR };
  await database.prisma.usageMismatch.create({
    data: { day: new Date('2026-05-20'), resourceId: randomUUID(), dimension: 'cluster', ...amounts },
  });
  expect(await figure('mismatched_days')).toBe(1);
  await database.prisma.usageHour.create({ data: { hour: HOUR, closedAt: clock.now(), records: 0 } });
  await database.prisma.usageCheck.create({ data: { hour: HOUR, checkedAt: clock.now(), differences: 3 } });
  expect(await figure('wrong_hours')).toBe(1);
});

test('a billed cluster without a row, and an hour that nobody closed, are counted', async () => {
  const ran = { installationId, planId: 'on-demand', servers: 3, vmSize: 'Standard_D2s_v5' };
  const startsAt = new Date(HOUR.getTime() - hours(1));
  for (const charged of [true, false])
    await database.prisma.usagePeriod.create({ data: { ...ran, clusterId: randomUUID(), charged, startsAt } });
  expect(await figure('uncovered_clusters')).toBe(1);
  // From the hour after the closed one until now, a day later.
  expect(await figure('unclosed_hours')).toBe(25);
});
