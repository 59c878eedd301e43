import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { diagnosticAnswerSchema } from '@managed-consul/api-contract';
import type { Cluster } from '@managed-consul/database';
import { startAdminApi, type AdminApiUnderTest } from '../testing/admin-api-under-test';
import type { AgentReply } from '../testing/gateway-stand-in';

let api: AdminApiUnderTest;
beforeAll(async () => {
  api = await startAdminApi();
});
afterAll(() => api.stop());

const RAFT = { index: 7, servers: [{ id: 'a', name: 'one', address: '10.0.0.4:8300', leader: true, voter: true }] };
const ask = (id: string, diagnostic = 'raft') =>
  api.call(api.tokens.operator, 'GET', `/admin/clusters/${id}/consul/${diagnostic}`);

/** A server whose agent replies as told; without a reply it is not connected. */
async function addServer(cluster: Cluster, name: string, raftRole: string, reply?: AgentReply): Promise<string> {
  const { vmId } = await api.newServer(cluster, name, { raftRole, vmId: randomUUID() });
  if (reply) api.gateway.replies.set(vmId, reply);
  return vmId;
}

test('the leader is asked first, others when it is away, and the customer can read that somebody looked', async () => {
  const cluster = await api.newCluster();
  await addServer(cluster, 'a-follower', 'voter', { answer: { ...RAFT, index: 6 } });
  const leader = await addServer(cluster, 'the-leader', 'leader', { answer: RAFT });
  const { body } = await ask(cluster.id);
  expect(diagnosticAnswerSchema.parse(body)).toMatchObject({ diagnostic: 'raft', server: 'the-leader', answer: RAFT });
  api.gateway.replies.delete(leader);
  expect((await ask(cluster.id)).body).toMatchObject({ server: 'a-follower', answer: { index: 6 } });
  const audit = await api.database.prisma.auditEvent.findMany({ where: { clusterId: cluster.id } });
  expect(audit).toHaveLength(2);
  expect(audit[0]).toMatchObject({ actorKind: 'Operator', action: 'diagnose-consul', detail: { diagnostic: 'raft' } });
});

test('what is not in the contract is not passed on, and what is not in the list is not asked', async () => {
  const cluster = await api.newCluster();
  await addServer(cluster, 'server-0', 'leader', { answer: { ...RAFT, Keys: { 'a-gossip-key': 3 }, servers: [] } });
  const { text, status } = await ask(cluster.id);
  expect([status, text.includes('a-gossip-key')]).toEqual([200, false]);
  const before = api.gateway.asked.length;
  for (const path of ['kv', 'acl', 'raft%2F..%2Fkv', 'RAFT']) expect((await ask(cluster.id, path)).status).toBe(400);
  expect(api.gateway.asked).toHaveLength(before);
  expect(api.gateway.asked.every((line) => /^GET \/agents\/[\w-]+\/[\w-]+\/v1\/diagnostics\/raft$/.test(line))).toBe(true);
});

test('agents that are away, that say nothing, and a Consul that does not answer are told apart by stable codes', async () => {
  const cluster = await api.newCluster();
  const codeOf = async () => {
    const { status, body, text } = await ask(cluster.id);
    expect(text).not.toContain('gossip-key-in-words');
    return [status, body.error?.code];
  };
  expect(await codeOf()).toEqual([503, 'AgentUnreachable']);
  await addServer(cluster, 'server-0', 'leader');
  await addServer(cluster, 'server-1', 'voter', 'silence');
  expect(await codeOf()).toEqual([503, 'AgentUnreachable']);
  await addServer(cluster, 'server-2', 'voter', { refusal: 'ConsulNotReachable' });
  expect(await codeOf()).toEqual([503, 'ConsulUnavailable']);
  const gone = await api.newCluster({ deletedAt: new Date() });
  expect((await ask(gone.id)).body.error?.code).toBe('ResourceNotFound');
});
