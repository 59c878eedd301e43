import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordAudit, verifyAuditChains } from '@managed-consul/access';
import { clusterAuditEventListSchema } from '@managed-consul/api-contract';
import { startApi, type ApiUnderTest } from '../testing/api-under-test';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

test('customers see page by page what they and the operators of the service did to their cluster', async () => {
  const owner = await api.newPerson();
  const cluster = await api.newReadyCluster(owner);
  const call = { params: { id: cluster.id } };
  await api.clientOf(owner).call('createSnapshot', { ...call, body: {} });
  const operator = { tenantId: randomUUID(), objectId: randomUUID(), groupIds: [], correlationId: 'c' };
  const grounds = { reason: 'A worker was stuck.', ticket: 'OPS-7' };
  await api.database.prisma.$transaction((tx) =>
    recordAudit(tx, operator, { action: 'retry-operation', clusterId: cluster.id, operator: grounds }),
  );

  const first = await api.request(owner, 'GET', `/v1/clusters/${cluster.id}/audit?pageSize=2`);
  expect(first.body.error).toBeUndefined();
  const page = clusterAuditEventListSchema.parse(first.body);
  expect(page.value).toMatchObject([
    { action: 'retry-operation', actor: { kind: 'Operator', tenantId: null, objectId: null }, ...grounds },
    { action: 'take-snapshot', actor: { kind: 'Customer', tenantId: owner.tenantId, objectId: owner.objectId }, reason: null },
  ]);
  expect(first.text).not.toContain(operator.objectId);
  const second = await api.request(owner, 'GET', `/v1/clusters/${cluster.id}/audit?pageToken=${String(page.nextPageToken)}`);
  expect(clusterAuditEventListSchema.parse(second.body)).toMatchObject({
    value: [{ action: 'create-cluster' }],
    nextPageToken: null,
  });

  const stranger = await api.request(await api.newPerson(), 'GET', `/v1/clusters/${cluster.id}/audit`);
  expect([stranger.status, stranger.body.error?.code]).toEqual([404, 'ResourceNotFound']);
  // A create is stored by a statement of its own; the chain holds it like everything else.
  expect((await verifyAuditChains(api.database)).faults).toEqual([]);
});

test('no cluster is created whose audit event cannot be bound to the chain', async () => {
  const owner = await api.newPerson();
  const { id: installationId } = await api.newInstallation(owner);
  const { pool, prisma } = api.database;
  await pool.query('UPDATE audit_heads SET chain = chain + 100');
  const body = { installationId, name: 'unbound', email: 'ops@example.com' };
  const answer = await api.request(owner, 'POST', '/v1/clusters', { body });
  expect(answer.status).toBe(500);
  expect(await prisma.cluster.count({ where: { installationId } })).toBe(0);
  expect(await prisma.operation.count({ where: { installationId } })).toBe(0);
  await pool.query('UPDATE audit_heads SET chain = chain - 100');
  expect((await api.request(owner, 'POST', '/v1/clusters', { body })).status).toBe(202);
});
