import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deniedTenantListSchema, fleetTenantDetailSchema, fleetTenantListSchema } from '@managed-consul/api-contract';
import type { Cluster } from '@managed-consul/database';
import { startAdminApi, type AdminApiUnderTest } from '../testing/admin-api-under-test';

let api: AdminApiUnderTest;
beforeAll(async () => {
  api = await startAdminApi();
});
afterAll(() => api.stop());

const WHY = { reason: 'Three invoices are not paid.', ticket: 'FIN-7' };
const SUSPENSION = { category: 'NonPayment', contact: 'billing@example.com' };
const write = (method: string, path: string, body: object, headers: Record<string, string> = {}) =>
  api.call(api.tokens.lead, method, `/admin/${path}`, { body: { ...WHY, ...body }, headers });
const tenantOf = async ({ installationId: id }: Cluster) =>
  (await api.database.prisma.installation.findUniqueOrThrow({ where: { id } })).tenantId;
const read = async (tenantId: string) => {
  const { status, body } = await api.call(api.tokens.viewer, 'GET', `/admin/tenants/${tenantId}`);
  expect([status, body.error]).toEqual([200, undefined]);
  return fleetTenantDetailSchema.parse(body);
};
const find = async (query: string) => {
  const { body } = await api.call(api.tokens.viewer, 'GET', `/admin/tenants?${query}`);
  expect(body.error).toBeUndefined();
  return fleetTenantListSchema.parse(body);
};

test('tenants are found by id, subscription and standing, page by page, with what they have', async () => {
  const cluster = await api.newCluster({ servers: 5 });
  const tenantId = await tenantOf(cluster);
  const { subscriptionId } = await api.database.prisma.installation.findUniqueOrThrow({ where: { id: cluster.installationId } });
  await api.newCluster();
  await api.newOperation(cluster, { kind: 'scale-cluster', input: { servers: 3 } });
  const grown = await api.newCluster({ servers: 1 });
  await api.newOperation(grown, { kind: 'scale-cluster', input: { servers: 3 } });
  const held = { installations: 1, clusters: 1, servers: 5, standing: 'Good', suspension: null };
  expect((await find(`subscriptionId=${subscriptionId}`)).value).toMatchObject([{ tenantId, ...held }]);
  expect(await read(tenantId)).toMatchObject({ living: [{ id: cluster.id }], places: [{ subscriptionId }], denial: null });
  // What a cluster is being scaled up to counts already.
  expect((await find(`tenantId=${await tenantOf(grown)}`)).value).toMatchObject([{ clusters: 1, servers: 3 }]);
  const first = await find('pageSize=2');
  const rest = await find(`pageSize=2&pageToken=${String(first.nextPageToken)}`);
  const ids = [...first.value, ...rest.value].map(({ tenantId: id }) => id);
  expect(ids).toEqual([...ids].sort());
  expect(new Set(ids).size).toBe(ids.length);
  const nobody = await api.call(api.tokens.viewer, 'GET', `/admin/tenants/${randomUUID()}`);
  expect([nobody.status, nobody.body.error?.code]).toEqual([404, 'ResourceNotFound']);
});

test('a quota is planned with what the tenant has, and set once for an Idempotency-Key', async () => {
  const cluster = await api.newCluster();
  const tenantId = await tenantOf(cluster);
  const wish = { maxClusters: 2, maxServers: null };
  const dry = await write('PUT', `tenants/${tenantId}/quota?dryRun=true`, wish);
  expect(dry.body).toMatchObject({
    dryRun: true,
    summary: `Tenant ${tenantId} may have 2 clusters and any number of servers; it has 1 and 3, and keeps them.`,
  });
  expect((await read(tenantId)).quota).toEqual({ maxClusters: null, maxServers: null });
  const key = { 'idempotency-key': randomUUID() };
  const once = await write('PUT', `tenants/${tenantId}/quota`, wish, key);
  expect((await write('PUT', `tenants/${tenantId}/quota`, wish, key)).body).toEqual(once.body);
  expect((await read(tenantId)).quota).toEqual({ maxClusters: 2, maxServers: null });
  const audit = await api.database.prisma.auditEvent.findMany({ where: { installationId: cluster.installationId } });
  expect(audit).toMatchObject([{ action: 'set-tenant-quota', actorKind: 'Operator', ...WHY }]);
  expect((await write('PUT', `tenants/${tenantId}/quota`, { maxClusters: -1, maxServers: 1 })).status).toBe(400);
});

test('a suspension says what it touches, is told to every cluster, and ends', async () => {
  const cluster = await api.newCluster();
  const tenantId = await tenantOf(cluster);
  const dry = await write('POST', `tenants/${tenantId}/suspend?dryRun=true`, SUSPENSION);
  expect(dry.body).toMatchObject({ dryRun: true, after: { installations: 1, clusters: 1, ...SUSPENSION } });
  expect((await read(tenantId)).standing).toBe('Good');
  expect((await write('POST', `tenants/${tenantId.toUpperCase()}/suspend`, SUSPENSION)).body.error).toBeUndefined();
  expect(await read(tenantId)).toMatchObject({ standing: 'Suspended', suspension: SUSPENSION });
  expect((await find('standing=Suspended')).value.map((one) => one.tenantId)).toEqual([tenantId]);
  expect((await write('POST', `tenants/${tenantId}/suspend`, SUSPENSION)).body.error?.code).toBe('Conflict');
  expect((await write('POST', `tenants/${tenantId}/unsuspend`, {})).body.error).toBeUndefined();
  expect((await write('POST', `tenants/${tenantId}/unsuspend`, {})).body.error?.code).toBe('Conflict');
  expect(await read(tenantId)).toMatchObject({ standing: 'Good', suspension: null });
  const { prisma } = api.database;
  const events = await prisma.clusterEvent.findMany({ where: { clusterId: cluster.id }, orderBy: { id: 'asc' } });
  expect(events.map(({ type }) => type)).toEqual(['TenantSuspended', 'TenantUnsuspended']);
  const where = { installationId: cluster.installationId };
  const audit = await prisma.auditEvent.findMany({ where, orderBy: { id: 'asc' } });
  expect(audit.map(({ action }) => action)).toEqual(['suspend-tenant', 'unsuspend-tenant']);
  expect((await write('POST', `tenants/${randomUUID()}/suspend`, SUSPENSION)).body.error?.code).toBe('ResourceNotFound');
});

test('a tenant is put on the deny list before it is known, and taken off again', async () => {
  const tenantId = randomUUID();
  const { contact } = SUSPENSION;
  const list = async () => {
    const { body } = await api.call(api.tokens.viewer, 'GET', '/admin/denied-tenants');
    return deniedTenantListSchema.parse(body).value.filter((one) => one.tenantId === tenantId);
  };
  expect((await write('PUT', `denied-tenants/${tenantId}?dryRun=true`, { contact })).body).toMatchObject({ dryRun: true });
  expect(await list()).toEqual([]);
  const racers = [1, 2].map(() => write('PUT', `denied-tenants/${tenantId}`, { contact }));
  expect((await Promise.all(racers)).map(({ status }) => status).sort()).toEqual([200, 409]);
  expect(await list()).toMatchObject([{ contact, ...WHY }]);
  expect(await read(tenantId)).toMatchObject({ standing: 'Denied', denial: WHY, installations: 0 });
  expect((await write('POST', `denied-tenants/${tenantId}/remove`, {})).body.error).toBeUndefined();
  expect(await list()).toEqual([]);
  expect((await write('POST', `denied-tenants/${tenantId}/remove`, {})).body.error?.code).toBe('ResourceNotFound');
  const audit = await api.database.prisma.auditEvent.findMany({
    where: { detail: { path: ['after', 'tenantId'], equals: tenantId } },
    orderBy: { id: 'asc' },
  });
  expect(audit.map(({ action }) => action)).toEqual(['deny-tenant', 'undeny-tenant']);
});

test('what cannot be recorded is not decided', async () => {
  const tenantId = await tenantOf(await api.newCluster());
  await api.database.pool.query('UPDATE audit_heads SET chain = chain + 100');
  const answer = await write('POST', `tenants/${tenantId}/suspend`, SUSPENSION);
  await api.database.pool.query('UPDATE audit_heads SET chain = chain - 100');
  expect(answer.status).toBe(500);
  expect((await read(tenantId)).standing).toBe('Good');
});
