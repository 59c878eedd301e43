import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Cluster } from '@managed-consul/database';
import { startAdminApi, type AdminApiUnderTest } from '../testing/admin-api-under-test';

let api: AdminApiUnderTest;
beforeAll(async () => {
  api = await startAdminApi();
});
afterAll(() => api.stop());

const WHY = { reason: 'The key was seen in a log.', ticket: 'SEC-9' };
const post = (path: string, body: object = {}) => api.call(api.tokens.operator, 'POST', path, { body: { ...WHY, ...body } });
const newCluster = (more: Partial<Cluster> = {}) => api.newCluster({ observedConsulVersion: '1.8.7', ...more });
const operationsOf = (clusterId: string) => api.database.prisma.operation.findMany({ where: { clusterId } });

test.each([
  ['rotate', { what: 'GossipKey' }, 'rotate-gossip-key'],
  ['rotate', { what: 'ServerCertificates' }, 'rotate-server-certificates'],
  ['rotate', { what: 'AgentTokens' }, 'rotate-agent-tokens'],
  ['rotate', { what: 'ConnectAuthority' }, 'rotate-connect-authority'],
  ['rotate', { what: 'CertificateAuthority' }, 'rotate-certificate-authority'],
  ['repair', {}, 'repair-cluster'],
  ['servers/server-0/restart', {}, 'restart-server'],
  ['servers/server-0/redeploy', {}, 'redeploy-server'],
  ['servers/server-0/replace', {}, 'replace-server'],
  ['transfer-leadership', {}, 'transfer-leadership'],
  ['remove-peer', { address: '172.25.16.9' }, 'remove-peer'],
])('an operator has a cluster %s %j, recorded with the reason before it is asked for, and rung for', async (verb, body, kind) => {
  const cluster = await newCluster();
  for (const server of ['server-0', 'server-1']) await api.newServer(cluster, server);
  const path = `/admin/clusters/${cluster.id}/${verb}`;
  expect((await post(`${path}?dryRun=true`, body)).body).toMatchObject({ dryRun: true, action: kind });
  expect(await operationsOf(cluster.id)).toEqual([]);
  expect((await post(path, body)).status).toBe(200);
  const [operation] = await operationsOf(cluster.id);
  expect(operation).toMatchObject({ kind, requestedBy: `operator/${api.objectIds.operator}`, state: 'Pending' });
  expect(api.bell.rung.map(({ id }) => id)).toContain(operation?.id);
  const audit = await api.database.prisma.auditEvent.findMany({ where: { clusterId: cluster.id } });
  expect(audit).toMatchObject([{ action: kind, actorKind: 'Operator', ...WHY }]);
});

test('a cluster that works on something else, sleeps, was never ready, or is not there is refused', async () => {
  const busy = await newCluster();
  await api.newOperation(busy);
  const refusal = async (clusterId: string) => (await post(`/admin/clusters/${clusterId}/repair`)).body.error?.code;
  expect(await refusal(busy.id)).toBe('OperationInProgress');
  expect(await refusal((await newCluster({ powerState: 'Suspended' })).id)).toBe('Conflict');
  expect(await refusal((await api.newCluster()).id)).toBe('Conflict');
  expect(await refusal(randomUUID())).toBe('ResourceNotFound');
  const { status, body } = await post(`/admin/clusters/${busy.id}/rotate`, { what: 'Everything' });
  expect([status, body.error?.code]).toEqual([400, 'InvalidRequest']);
});

test('what a federation has in common is not renewed in one datacenter alone', async () => {
  const [primary, secondary] = [await newCluster(), await newCluster()];
  await api.database.prisma.federationMember.createMany({
    data: [primary, secondary].map(({ id }, index) => ({
      clusterId: id,
      primaryClusterId: primary.id,
      datacenter: `dc${index}`,
    })),
  });
  for (const { id } of [primary, secondary])
    expect((await post(`/admin/clusters/${id}/rotate`, { what: 'GossipKey' })).body.error?.code).toBe('ClusterFederated');
});

test('a server is not touched while another one is unwell, and what is no server, or the only one, is refused', async () => {
  const cluster = await newCluster();
  await api.newServer(cluster, 'server-0');
  const refusal = async (path: string, body: object = {}) =>
    (await post(`/admin/clusters/${cluster.id}/${path}`, body)).body.error?.code;
  expect(await refusal('transfer-leadership')).toBe('Conflict');
  await api.newServer(cluster, 'server-1', { healthy: false, address: '172.25.16.5' });
  for (const verb of ['restart', 'redeploy', 'replace']) expect(await refusal(`servers/server-0/${verb}`)).toBe('QuorumAtRisk');
  expect(await refusal('servers/server-9/restart')).toBe('ResourceNotFound');
  expect(await refusal('servers/..%2f/restart')).toBe('InvalidRequest');
  expect(await refusal('remove-peer', { address: '172.25.16.5' })).toBe('Conflict');
  expect(await refusal('remove-peer', { address: 'everybody' })).toBe('InvalidRequest');
  expect(await operationsOf(cluster.id)).toEqual([]);
  expect((await post(`/admin/clusters/${cluster.id}/servers/server-1/restart`)).status).toBe(200);
});
