import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clusterAuditEventListSchema, installationSchema } from '@managed-consul/api-contract';
import { recordAudit } from '@managed-consul/access';
import { suspendTenant } from '../testing/access-under-test';
import { startApi, type ApiUnderTest, type Person } from '../testing/api-under-test';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

const setQuota = ({ tenantId }: Person, quota: { maxClusters?: number; maxServers?: number }) =>
  api.database.prisma.tenant.upsert({ where: { tenantId }, create: { tenantId, ...quota }, update: quota });
const deny = ({ tenantId }: Person) =>
  api.database.prisma.deniedTenant.create({
    data: { tenantId, contact: 'abuse@example.com', reason: 'It mines.', ticket: 'OPS-1', actorId: 'lead' },
  });
const bodyIn = (installationId: string, number: number, more: object = {}) => ({
  ...{ installationId, name: `hello-${number}`, email: 'ops@example.com', networkCidr: `10.1.${number}.0/24` },
  ...more,
});
const create = (person: Person, body: object) => api.request(person, 'POST', '/v1/clusters', { body });

test('of creates that race for the last places of a quota, over several installations, no more succeed than there are', async () => {
  const owner = await api.newPerson();
  const places = [await api.newInstallation(owner), await api.newInstallation(owner)];
  await setQuota(owner, { maxClusters: 3 });
  const racers = Array.from({ length: 8 }, (_, n) => create(owner, bodyIn(places[n % 2]!.id, n)));
  const answers = await Promise.all(racers);
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(3);
  const refused = answers.filter(({ status }) => status !== 202);
  expect(refused.map(({ status, body }) => [status, body.error?.code])).toEqual(Array(5).fill([409, 'QuotaExceeded']));
  const where = { installationId: { in: places.map(({ id }) => id) } };
  expect(await api.database.prisma.cluster.count({ where })).toBe(3);
  const body = bodyIn(places[0]!.id, 20);
  const told = await create(owner, body);
  const sentence =
    'Your tenant may have 3 clusters and has 3. Delete or shrink a cluster, or ask the operators of the service for a larger quota.';
  expect(told.body.error).toMatchObject({ code: 'QuotaExceeded', target: 'quota', message: sentence });
  const preflight = await api.request(owner, 'POST', '/v1/preflight', { body });
  expect(preflight.body).toMatchObject({ acceptable: false, problems: [{ code: 'QuotaExceeded' }] });
  const other = await api.newPerson();
  expect((await create(other, bodyIn((await api.newInstallation(other)).id, 1))).status).toBe(202);
  await api.database.prisma.cluster.updateMany({ where, data: { deletedAt: new Date() } });
  expect((await create(owner, body)).status).toBe(202);
});

test('a quota of servers holds for creates and for scaling up, also while another cluster is being scaled', async () => {
  const owner = await api.newPerson();
  const { id: installationId } = await api.newInstallation(owner);
  const one = await api.newReadyCluster(owner, { installationId, name: 'one', networkCidr: '10.2.1.0/24' });
  const two = await api.newReadyCluster(owner, { installationId, name: 'two', networkCidr: '10.2.2.0/24' });
  await setQuota(owner, { maxServers: 8 });
  const refused = await create(owner, bodyIn(installationId, 9, { servers: 3 }));
  expect([refused.status, refused.body.error?.code, refused.body.error?.target]).toEqual([409, 'QuotaExceeded', 'servers']);
  const scale = (id: string, servers: number) => api.request(owner, 'POST', `/v1/clusters/${id}/scale`, { body: { servers } });
  const answers = await Promise.all([scale(one.id, 5), scale(two.id, 5)]);
  expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
  expect(answers.find(({ status }) => status === 409)?.body.error?.code).toBe('QuotaExceeded');
  const grows = answers[0].status === 202 ? two : one;
  expect((await scale(grows.id, 1)).status).toBe(202);
});

test('a tenant on the deny list registers and creates nothing, and goes on with what it has', async () => {
  const owner = await api.newPerson();
  const cluster = await api.newReadyCluster(owner);
  await deny(owner);
  const place = { subscriptionId: randomUUID(), resourceGroup: 'consul', region: 'westeurope' };
  const answers = [
    await api.request(owner, 'POST', '/v1/installations', { body: place }),
    await create(owner, bodyIn(cluster.installationId, 7)),
  ];
  for (const { status, body } of answers) {
    expect([status, body.error?.code]).toEqual([403, 'TenantDenied']);
    expect(body.error?.message).toContain('Ask abuse@example.com.');
  }
  const rotated = await api.request(owner, 'POST', `/v1/clusters/${cluster.id}/rotations`, { body: { what: 'GossipKey' } });
  expect(rotated.status).toBe(202);
  // Not by the help of another tenant's installation either.
  const host = await api.newPerson();
  const { id } = await api.newInstallation(host);
  const guest = { installationId: id, tenantId: owner.tenantId, principalId: owner.objectId, role: 'Contributor' as const };
  await api.database.prisma.roleAssignment.create({ data: guest });
  expect((await create(owner, bodyIn(id, 8))).body.error?.code).toBe('TenantDenied');
  expect((await create(host, bodyIn(id, 8))).status).toBe(202);
});

test('customers of a suspended tenant see its standing, and what operators did, with the reason', async () => {
  const owner = await api.newPerson();
  const { id: clusterId, installationId } = await api.newReadyCluster(owner);
  const standing = async () =>
    installationSchema.parse((await api.request(owner, 'GET', `/v1/installations/${installationId}`)).body).standing;
  expect(await standing()).toEqual({ state: 'Good', category: null, contact: null });
  await suspendTenant(api, owner.tenantId);
  expect(await standing()).toEqual({ state: 'Suspended', category: 'NonPayment', contact: 'billing@example.com' });
  const lead = { tenantId: randomUUID(), objectId: randomUUID(), groupIds: [], correlationId: 'c' };
  const operator = { reason: 'Three invoices are not paid.', ticket: 'FIN-7' };
  await api.database.prisma.$transaction((tx) => recordAudit(tx, lead, { action: 'suspend-tenant', installationId, operator }));
  const answer = await api.request(owner, 'GET', `/v1/clusters/${clusterId}/audit`);
  const { value } = clusterAuditEventListSchema.parse(answer.body);
  expect(value[0]).toMatchObject({ action: 'suspend-tenant', actor: { kind: 'Operator', objectId: null }, ...operator });
  const registered = await api.request(owner, 'POST', '/v1/installations', {
    body: { subscriptionId: randomUUID(), resourceGroup: 'consul', region: 'westeurope' },
  });
  expect([registered.status, registered.body.error?.code]).toEqual([403, 'TenantSuspended']);
});
