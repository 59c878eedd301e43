import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  coverageSchema,
  owedUsageSchema,
  usageEmissionListSchema,
  usageMismatchListSchema,
  usageRecordListSchema,
} from '@managed-consul/api-contract';
import { startAdminApi, type AdminApiUnderTest } from '../testing/admin-api-under-test';

const HOUR = '2026-05-20T10:00:00.000Z';
const WHY = { reason: 'The cluster could not be used.', ticket: 'INC-9' };

let api: AdminApiUnderTest;
beforeAll(async () => {
  api = await startAdminApi();
});
afterAll(() => api.stop());

async function read(path: string): Promise<unknown> {
  const { status, body } = await api.call(api.tokens.viewer, 'GET', `/admin/billing/${path}`);
  expect([path, body.error, status]).toEqual([path, undefined, 200]);
  return body;
}

const write = (path: string, body: object, headers: Record<string, string> = {}) =>
  api.call(api.tokens.lead, 'POST', `/admin/billing/${path}`, { body: { ...WHY, ...body }, headers });

const recordsOf = async (clusterId: string) => usageRecordListSchema.parse(await read(`records?clusterId=${clusterId}`)).value;

test('a credit is a row of its own that names what it lets off and why, once for an Idempotency-Key', async () => {
  const cluster = await api.newCluster();
  const [machines, storage] = [
    await api.newUsageRecord(cluster),
    await api.newUsageRecord(cluster, { meter: 'snapshot-storage' }),
  ];
  const wish = { clusterId: cluster.id, from: HOUR, secondsOfEach: 1800 };
  const dry = await write('credits?dryRun=true', wish);
  expect([dry.status, dry.body]).toMatchObject([200, { dryRun: true, before: { secondsLeft: 7200 } }]);
  expect(await recordsOf(cluster.id)).toHaveLength(2);

  const key = { 'idempotency-key': randomUUID() };
  expect((await write('credits', wish, key)).body).toEqual((await write('credits', wish, key)).body);
  const credits = (await recordsOf(cluster.id)).filter(({ kind }) => kind === 'Credit');
  expect(credits.map(({ seconds, quantity, correctsId }) => [seconds, quantity, correctsId]).sort()).toEqual(
    [machines, storage].map(({ id }) => [-1800, '-1800', String(id)]),
  );
  const by = `operator/${api.tenantId}/${api.objectIds.lead}`;
  expect(credits[0]).toMatchObject({ reason: `${WHY.reason} (${WHY.ticket})`, recordedBy: by });
  const audit = await api.database.prisma.auditEvent.findMany({ where: { clusterId: cluster.id } });
  expect(audit).toMatchObject([{ action: 'credit-usage', actorKind: 'Operator', ...WHY }]);
});

test('a credit beyond what a row has left, or of nothing, is refused and changes nothing', async () => {
  const cluster = await api.newCluster();
  await api.newUsageRecord(cluster);
  const wish = { clusterId: cluster.id, from: HOUR };
  expect((await write('credits', { ...wish, secondsOfEach: 3000 })).status).toBe(200);
  const refused = async (body: object) => {
    const answer = await write('credits', { ...wish, ...body });
    return [answer.status, answer.body.error?.code];
  };
  expect(await refused({ secondsOfEach: 601 })).toEqual([400, 'CreditExceedsRecord']);
  expect(await refused({ secondsOfEach: -1 })).toEqual([400, 'InvalidRequest']);
  expect(await refused({ hours: 25 })).toEqual([400, 'InvalidRequest']);
  expect(await refused({ from: '2026-05-20T10:30:00Z' })).toEqual([400, 'InvalidRequest']);
  expect(await refused({ clusterId: randomUUID() })).toEqual([404, 'ResourceNotFound']);
  expect(await recordsOf(cluster.id)).toHaveLength(2);
});

test('what is owed is told by dimension; parked events are sent again when an operator says so', async () => {
  const cluster = await api.newCluster();
  const { id: installationId } = await api.database.prisma.installation.update({
    where: { id: cluster.installationId },
    data: { kind: 'ManagedApplication', applicationId: `/applications/${cluster.id}` },
  });
  const parked = await api.newEmission(cluster, { state: 'Parked', problem: 'InvalidDimension', dimension: 'owed' });
  const owed = async () => owedUsageSchema.parse(await read('owed')).value.find(({ dimension }) => dimension === 'owed');
  expect(await owed()).toMatchObject({ parked: '3600', parkedEvents: 1, pending: '0' });
  const { status, body } = await write(`installations/${installationId}/resend`, {});
  expect([status, body]).toMatchObject([200, { before: { parked: 1, problems: ['InvalidDimension'] } }]);
  expect(await owed()).toMatchObject({ parked: '0', parkedEvents: 0, pending: '3600', lateEvents: 1 });
  const { value } = usageEmissionListSchema.parse(await read(`emissions?installationId=${installationId}&state=Pending`));
  expect(value.map(({ id }) => id)).toEqual([parked.id]);
  expect(await write(`installations/${installationId}/resend`, {})).toMatchObject({ status: 409 });
  expect(await write(`installations/${randomUUID()}/resend`, {})).toMatchObject({ status: 404 });
});

test('coverage names hours that are open, and rows that say something else than what happened', async () => {
  const { prisma } = api.database;
  const cluster = await api.newCluster();
  const { id: priceId } = await prisma.planPrice.findFirstOrThrow({ where: { planId: cluster.planId } });
  await api.newUsageRecord(cluster, { seconds: 1800, priceId });
  const ran = { clusterId: cluster.id, installationId: cluster.installationId, planId: 'on-demand', charged: true };
  const machines = { servers: 3, vmSize: 'Standard_D2s_v3' };
  const endsAt = new Date('2026-05-20T12:00:00Z');
  await prisma.usagePeriod.create({ data: { ...ran, ...machines, startsAt: new Date(HOUR), endsAt } });
  await prisma.usageHour.create({ data: { hour: new Date(HOUR), closedAt: endsAt, records: 1 } });
  const coverage = coverageSchema.parse(await read(`coverage?from=${HOUR}&hours=2`));
  expect(coverage.openHours).toEqual(['2026-05-20T11:00:00.000Z']);
  expect(coverage.uncounted).toContainEqual({ hour: HOUR, clusterId: cluster.id });
  const found = coverage.mismatched.filter(({ clusterId }) => clusterId === cluster.id);
  expect(found).toMatchObject([{ recorded: { seconds: 1800 }, computed: { seconds: 3600, quantity: '3600' } }]);
});

test("days for which Azure's report says something else are listed", async () => {
  const amounts = { sentQuantity: 2, submittedQuantity: 1.5, processedQuantity: 1.5, reconStatus: 'Mismatch' };
  const what = { day: new Date('2026-05-20'), resourceId: randomUUID(), dimension: 'cluster', foundAt: new Date(HOUR) };
  await api.database.prisma.usageMismatch.create({ data: { ...what, ...amounts } });
  const { value } = usageMismatchListSchema.parse(await read('mismatches'));
  expect(value).toMatchObject([{ day: '2026-05-20', resourceId: what.resourceId, sentQuantity: '2', processedQuantity: '1.5' }]);
});

test('a month is exported for one place or for all, as lines of JSON, as CSV, and with the columns of FOCUS', async () => {
  const cluster = await api.newCluster({ name: 'exported' });
  const { id: priceId } = await api.database.prisma.planPrice.findFirstOrThrow({ where: { planId: cluster.planId } });
  const used = { hour: new Date('2026-04-30T23:00:00Z'), priceId, meter: 'cluster/production/3/Standard_D2s_v3' };
  const measured = await api.newUsageRecord(cluster, used);
  const about = {
    clusterId: cluster.id,
    installationId: cluster.installationId,
    planId: cluster.planId,
    correctsId: measured.id,
  };
  const credit = { kind: 'Credit' as const, seconds: -1800, quantity: -1800, reason: 'x', recordedBy: 'operator/1' };
  await api.database.prisma.usageRecord.create({ data: { ...used, ...about, ...credit } });
  const read = (query: string) =>
    api.call(api.tokens.viewer, 'GET', `/admin/billing/exports/2026-04?installationId=${cluster.installationId}${query}`);

  const lines = (await read('')).text.trimEnd().split('\n');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    ...{ start: used.hour.toISOString(), end: '2026-05-01T00:00:00.000Z', clusterName: 'exported', seconds: 1800 },
    ...{ ledgerQuantity: '1800', quantity: '0.500000', unit: 'cluster hours', currency: 'USD', cost: '0.040500000000' },
  });
  const [head, row, ...rest] = (await read('&format=csv')).text.split('\r\n');
  expect(rest).toEqual(['']);
  expect(head?.split(',')).toEqual(Object.keys(JSON.parse(lines[0] ?? '') as object));
  expect(row?.split(',')).toEqual(Object.values(JSON.parse(lines[0] ?? '') as object).map(String));
  const [focusHead = '', focusRow = ''] = (await read('&format=focus')).text.split('\r\n');
  const focus = Object.fromEntries(focusHead.split(',').map((name, index) => [name, focusRow.split(',')[index]]));
  expect(focus).toMatchObject({
    ...{ BilledCost: '0.040500000000', ListUnitPrice: '0.081000', PricingQuantity: '0.500000', PricingUnit: 'cluster hours' },
    ...{ ChargeCategory: 'Usage', BillingPeriodStart: '2026-04-01T00:00:00.000Z', ResourceName: 'exported' },
  });
  const all = await api.call(api.tokens.viewer, 'GET', '/admin/billing/exports/2026-04');
  expect(all.text).toContain(cluster.id);
});

test.each(['2026-4', 'April', '2026-13', '9999-01'])('an export of the month %s is refused', async (month) => {
  const { status, body } = await api.call(api.tokens.viewer, 'GET', `/admin/billing/exports/${month}`);
  expect([status, body.error?.code]).toEqual([400, 'InvalidMonth']);
});

test('an hour that differs is corrected by rows that name what they correct, when an operator says so', async () => {
  const cluster = await api.newCluster();
  // The ledger has an hour of a cluster that never ran.
  const hour = new Date('2026-05-21T07:00:00Z');
  const wrong = await api.newUsageRecord(cluster, { hour });
  const correct = (at: string) => write('corrections', { hour: at });
  expect((await correct(hour.toISOString())).body.error?.code, 'an hour that is open').toBe('ResourceNotFound');
  await api.database.prisma.usageHour.create({ data: { hour, closedAt: hour, records: 1 } });
  expect((await correct('2026-05-21T07:30:00Z')).body.error?.code).toBe('InvalidRequest');
  const { status, body } = await correct(hour.toISOString());
  expect([status, body]).toMatchObject([200, { before: { differences: 1 }, after: { differences: 0 } }]);
  const rows = (await recordsOf(cluster.id)).map(({ kind, seconds, correctsId }) => [kind, seconds, correctsId]);
  expect(rows).toEqual([
    ['Correction', -3600, String(wrong.id)],
    ['Measured', 3600, null],
  ]);
  expect((await correct(hour.toISOString())).status).toBe(409);
});
