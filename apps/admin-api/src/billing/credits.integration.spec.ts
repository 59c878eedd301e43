import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { creditListSchema } from '@managed-consul/api-contract';
import type { Cluster } from '@managed-consul/database';
import { startAdminApi, type AdminApiUnderTest } from '../testing/admin-api-under-test';

const HOUR = '2026-05-20T10:00:00.000Z';
const WHY = { reason: 'The cluster could not be used.', ticket: 'INC-9' };

let api: AdminApiUnderTest;
/** A lead beside the one of `api.tokens`. */
let another: string;
beforeAll(async () => {
  api = await startAdminApi();
  const { issuer, tenantId, objectIds } = api;
  const audience = 'api://managed-consul-admin';
  another = await issuer.sign({ tenantId, objectId: randomUUID(), groups: [objectIds.lead], audience });
});
afterAll(() => api.stop());

const post = (token: string, path: string, body: object = {}) =>
  api.call(token, 'POST', `/admin/billing/${path}`, { body: { ...WHY, ...body } });
const ask = (cluster: Cluster, more: object = {}) =>
  post(api.tokens.lead, 'credits', { clusterId: cluster.id, from: HOUR, ...more });
const creditsIn = (cluster: Cluster) =>
  api.database.prisma.usageRecord.findMany({ where: { clusterId: cluster.id, kind: 'Credit' } });
const waiting = async ({ id }: Cluster) => {
  const { body } = await api.call(api.tokens.viewer, 'GET', '/admin/billing/credits?state=Requested');
  expect(body.error).toBeUndefined();
  return creditListSchema.parse(body).value.filter(({ clusterId }) => clusterId === id);
};
/** A cluster whose hour cost so many dollars: the plan's price for a cluster hour is 0.081. */
async function clusterWorth(dollars: number): Promise<Cluster> {
  const cluster = await api.newCluster();
  const { id: priceId } = await api.database.prisma.planPrice.findFirstOrThrow({ where: { planId: cluster.planId } });
  await api.newUsageRecord(cluster, { priceId, quantity: Math.round((dollars / 0.081) * 3600) as never });
  return cluster;
}

test('a credit over the limit waits, changes nothing, and takes effect once by another person', async () => {
  const cluster = await clusterWorth(810);
  const dry = await post(api.tokens.lead, 'credits?dryRun=true', { clusterId: cluster.id, from: HOUR });
  expect(dry.body).toMatchObject({ dryRun: true, action: 'request-credit', after: { amount: '810.000000', currency: 'USD' } });
  expect(dry.body.after).not.toHaveProperty('id');
  expect(await waiting(cluster)).toEqual([]);
  const asked = await ask(cluster);
  const [credit, ...others] = await waiting(cluster);
  expect(others).toEqual([]);
  expect(asked.body).toMatchObject({ dryRun: false, after: { id: credit?.id } });
  expect(credit).toMatchObject({ amount: '810.000000', hours: 1, secondsOfEach: 3600, decidedBy: null, ...WHY });
  expect(await creditsIn(cluster)).toEqual([]);

  const path = `credits/${credit?.id ?? ''}`;
  const own = await post(api.tokens.lead, `${path}/approve`);
  expect([own.status, own.body.error?.code]).toEqual([403, 'AuthorizationFailed']);
  const racers = await Promise.all([post(another, `${path}/approve`), post(another, `${path}/approve`)]);
  expect(racers.map(({ status }) => status).sort()).toEqual([200, 409]);
  const rows = await creditsIn(cluster);
  expect(rows.map(({ seconds }) => seconds)).toEqual([-3600]);
  expect(rows[0]?.recordedBy).toContain(api.objectIds.lead);
  expect(await waiting(cluster)).toEqual([]);
  const audit = await api.database.prisma.auditEvent.findMany({ where: { clusterId: cluster.id }, orderBy: { id: 'asc' } });
  expect(audit.map(({ action }) => action)).toEqual(['request-credit', 'approve-credit']);
});

test('the database itself holds no credit that whoever asked approved', async () => {
  const cluster = await clusterWorth(810);
  await ask(cluster);
  const [credit] = await waiting(cluster);
  const decided = { state: 'Approved' as const, decidedBy: credit?.requestedBy ?? '', decidedAt: new Date() };
  const update = api.database.prisma.usageCredit.update({ where: { id: credit?.id ?? '' }, data: decided });
  await expect(update).rejects.toThrow('usage_credits_has_a_second_person');
});

test('slices of a large credit are added up, and one below the limit takes effect at once', async () => {
  const cluster = await clusterWorth(162);
  const slice = { secondsOfEach: 1500 };
  expect((await ask(cluster, slice)).body).toMatchObject({ action: 'credit-usage', after: { amount: '67.500000' } });
  expect(await creditsIn(cluster)).toHaveLength(1);
  expect((await ask(cluster, slice)).body).toMatchObject({ action: 'request-credit', after: { amount: '67.500000' } });
  expect(await creditsIn(cluster)).toHaveLength(1);
});

test('a credit that waits is taken back by who asked, or refused by another, and is over then', async () => {
  const cluster = await clusterWorth(810);
  for (const [token, state] of [
    [api.tokens.lead, 'Withdrawn'],
    [another, 'Refused'],
  ] as const) {
    await ask(cluster);
    const [credit] = await waiting(cluster);
    const path = `credits/${credit?.id ?? ''}`;
    expect((await post(token, `${path}/refuse`)).body).toMatchObject({ after: { state } });
    expect((await post(another, `${path}/approve`)).body.error?.code).toBe('Conflict');
  }
  expect(await creditsIn(cluster)).toEqual([]);
  expect((await post(another, `credits/${randomUUID()}/approve`)).body.error?.code).toBe('ResourceNotFound');
});

test('what the ledger has not left any more by then is not credited, and the credit goes on waiting', async () => {
  const cluster = await clusterWorth(810);
  await ask(cluster);
  await ask(cluster);
  const [first, second] = await waiting(cluster);
  expect((await post(another, `credits/${first?.id ?? ''}/approve`)).status).toBe(200);
  const late = await post(another, `credits/${second?.id ?? ''}/approve`);
  expect([late.status, late.body.error?.code]).toEqual([404, 'ResourceNotFound']);
  expect((await waiting(cluster)).map(({ id }) => id)).toEqual([second?.id]);
});
