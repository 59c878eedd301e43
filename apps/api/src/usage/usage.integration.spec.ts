import { closeHour, giveBudgetNotices, recordServiceInstances } from '@managed-consul/usage';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApi, type ApiUnderTest, type Person } from '../testing/api-under-test';

/** Late in a month, so that today is a part of it. */
const NOW = new Date('2026-05-20T12:30:00Z');
const YESTERDAY = new Date('2026-05-19T10:00:00Z');
const TODAY = new Date('2026-05-20T10:00:00Z');

let api: ApiUnderTest;
let owner: Person;
let place: { id: string };
let clusterId: string;

/** A cluster of three servers that ran for an hour yesterday, and with 51 service instances for half an hour today. */
beforeAll(async () => {
  api = await startApi();
  api.services.clock = { now: () => NOW };
  owner = await api.newPerson();
  const cluster = await api.newReadyCluster(owner);
  clusterId = cluster.id;
  place = { id: cluster.installationId };
  const ran = {
    clusterId,
    installationId: place.id,
    planId: 'on-demand-v2',
    charged: true,
    servers: 3,
    vmSize: 'Standard_D2s_v5',
  };
  const until = (from: Date, minutes: number) => ({ startsAt: from, endsAt: new Date(from.getTime() + minutes * 60_000) });
  await api.database.prisma.usagePeriod.createMany({
    data: [
      { ...ran, ...until(YESTERDAY, 60) },
      { ...ran, ...until(TODAY, 30) },
    ],
  });
  await api.database.prisma.$transaction((tx) => recordServiceInstances(tx, clusterId, 51, TODAY));
  for (const hour of [YESTERDAY, TODAY]) await closeHour(api.database, hour, NOW);
});
afterAll(() => api.stop());

const read = (person: Person, path: string) => api.request(person, 'GET', `/v1/installations/${place.id}${path}`);

describe('usage', () => {
  test('is told for today and for the month, by plan and meter', async () => {
    const { today, thisMonth } = (await api.clientOf(owner).call('getUsage', { params: place })).body;
    const cluster = {
      plan: 'on-demand-v2',
      meter: 'cluster/production/3/Standard_D2s_v5',
      dimension: 'cluster_hours_3',
      currency: 'USD',
    };
    const instances = { ...cluster, meter: 'service-instances', dimension: 'service_instance_hours' };
    expect(today).toEqual({
      ...{ from: '2026-05-20T00:00:00.000Z', to: '2026-05-21T00:00:00.000Z', measuredUntil: '2026-05-20T11:00:00.000Z' },
      totals: [{ currency: 'USD', cost: '0.593500' }],
      details: [
        { ...cluster, quantity: '0.500000', cost: '0.034500' },
        { ...instances, quantity: '25.500000', cost: '0.559000' },
      ],
    });
    expect(thisMonth.totals).toEqual([{ currency: 'USD', cost: '0.662500' }]);
    expect(thisMonth.details[0]).toEqual({ ...cluster, quantity: '1.500000', cost: '0.103500' });
  });

  test('is reported for a month by hour and tier', async () => {
    const report = (await api.clientOf(owner).call('getUsageReport', { params: { ...place, month: '2026-05' } })).body;
    expect(report.lines.map(({ start, end, seconds, cost }) => [start.slice(8, 13), end.slice(8, 13), seconds, cost])).toEqual([
      ['19T10', '19T11', 3600, '0.069000'],
      ['20T10', '20T11', 1800, '0.034500'],
      ['20T10', '20T11', 1800, '0.559000'],
    ]);
    expect(report.lines[2]).toMatchObject({
      clusterId,
      tiers: [
        { label: '1-50', unitPrice: '0.022', quantity: '25.000000', cost: '0.550000' },
        { label: '51-250', unitPrice: '0.018', quantity: '0.500000', cost: '0.009000' },
      ],
    });
    expect((await api.clientOf(owner).call('getUsageReport', { params: { ...place, month: '2026-04' } })).body).toMatchObject({
      ...{ lines: [], totals: [], measuredUntil: '2026-04-01T00:00:00.000Z' },
    });
  });

  test.each(['2026-5', '2026-13', 'May', '2026-05-01', '2026-06'])('is refused for the month %s', async (month) => {
    const { status, body } = await read(owner, `/usage/${month}`);
    expect([status, body.error?.code, body.error?.target]).toEqual([400, 'InvalidMonth', 'month']);
  });

  test('of another tenant does not exist, whatever is wrong with the rest', async () => {
    const stranger = await api.newPerson();
    for (const path of ['/usage', '/usage/2026-05', '/usage/May', '/budget']) {
      const { status, body } = await read(stranger, path);
      expect([path, status, body.error?.code]).toEqual([path, 404, 'ResourceNotFound']);
    }
    const { status } = await api.request(stranger, 'PATCH', `/v1/installations/${place.id}/budget`, { body: { amount: '1' } });
    expect(status).toBe(404);
  });
});

describe('an estimate', () => {
  const estimate = (query: string) => api.request(owner, 'GET', `/v1/estimate?${query}`);

  test('is by the plan, the servers and the service instances', async () => {
    const { body } = await estimate('plan=on-demand-v2&servers=5&vmSize=Standard_D2s_v5&serviceInstances=60');
    // 0.115 for the cluster; 50 at 0.022 and 10 at 0.018 for what runs in it.
    expect(body).toMatchObject({ currency: 'USD', hourly: '1.395000', monthly: '1018.350000' });
  });

  test('is refused for a plan that nobody sells and for a size that is none', async () => {
    expect((await estimate('plan=gold&servers=3&vmSize=Standard_D2s_v5')).body.error).toMatchObject({ code: 'ResourceNotFound' });
    expect((await estimate('plan=annual&servers=4&vmSize=x')).body.error).toMatchObject({ code: 'InvalidRequest' });
    expect((await estimate('plan=annual&servers=3&vmSize=a b')).body.error).toMatchObject({ code: 'InvalidRequest' });
  });
});

describe('a budget', () => {
  const update = (body: object, person = owner) => api.request(person, 'PATCH', `/v1/installations/${place.id}/budget`, { body });

  test('gives a notice at each threshold, once a month, and is audited', async () => {
    expect((await update({ amount: '0.8', thresholds: [100, 50, 80] })).body).toEqual({
      ...{ amount: '0.800000', thresholds: [50, 80, 100], notices: [] },
    });
    expect((await giveBudgetNotices(api.database, TODAY, NOW)).map(({ threshold }) => threshold)).toEqual([50, 80]);
    expect(await giveBudgetNotices(api.database, TODAY, NOW)).toEqual([]);
    const { notices } = (await api.clientOf(owner).call('getBudget', { params: place })).body;
    expect(notices.map(({ month, threshold, cost }) => [month, threshold, cost])).toEqual([
      ['2026-05', 80, '0.662500'],
      ['2026-05', 50, '0.662500'],
    ]);
    await update({ amount: '0.6625' });
    expect((await giveBudgetNotices(api.database, TODAY, NOW)).map(({ threshold }) => threshold)).toEqual([100]);
    expect((await update({ amount: null })).body).toMatchObject({ amount: null, thresholds: [] });
    const rows = await api.database.prisma.auditEvent.findMany({ where: { installationId: place.id }, orderBy: { id: 'asc' } });
    expect(rows.map(({ action }) => action).filter((action) => action.includes('budget'))).toEqual([
      ...['set-budget', 'set-budget', 'remove-budget'],
    ]);
  });

  test.each([{ amount: '0' }, { amount: '-1' }, { amount: 5 }, { amount: '1.1234567' }, { amount: '5', thresholds: [0] }, {}])(
    'is refused as %j',
    async (body) => {
      const answer = await update(body);
      expect([answer.status, answer.body.error?.code]).toEqual([400, 'InvalidRequest']);
    },
  );

  test('is set by contributors and seen by readers', async () => {
    const reader = await api.newPerson();
    const role = { tenantId: reader.tenantId, principalId: reader.objectId, role: 'Reader' } as const;
    await api.database.prisma.roleAssignment.create({ data: { installationId: place.id, ...role } });
    expect((await read(reader, '/budget')).status).toBe(200);
    expect((await update({ amount: '5' }, reader)).body.error).toMatchObject({ code: 'AuthorizationFailed' });
  });
});
