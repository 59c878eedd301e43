import { randomUUID } from 'node:crypto';
import {
  createAgentClient,
  DIAGNOSTICS,
  type AgentTaskStatusOf,
  type Diagnostic,
  type DiagnosticKind,
} from '@managed-consul/agent-protocol';
import { seconds, SecretValue } from '@managed-consul/config';
import { createAgentTestBed, TestConsulCluster, until, type AgentTestBed, type TestServer } from '@managed-consul/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

const PATIENCE = { within: seconds(40) };

let bed: AgentTestBed;
let cluster: TestConsulCluster;

beforeAll(async () => {
  bed = await createAgentTestBed();
  bed.balancer.setTargets([(await bed.startGateway()).agentPort]);
  cluster = await TestConsulCluster.create(bed, 3);
  await cluster.start();
});

afterAll(async () => {
  await cluster.destroy();
  await bed.close();
});

async function leaderAddress(): Promise<string> {
  return until(async () => (await cluster.json<string>('/v1/status/leader')).replace(/:\d+$/, ''), PATIENCE);
}

async function move(server: TestServer, to: readonly string[]): Promise<AgentTaskStatusOf<'move-leadership'>> {
  const id = randomUUID();
  await server.agent.startTask(id, { kind: 'move-leadership', to: to.map((address) => ({ address })) });
  return until(async () => {
    const status = await server.agent.findTask(id);
    return status?.kind === 'move-leadership' && status.state !== 'running' && status;
  }, PATIENCE);
}

test('leadership goes to one of the named servers, from wherever it is asked, and no server restarts', async () => {
  const pids = await Promise.all(cluster.servers.map(async ({ agent }) => (await agent.state()).consul.pid));
  for (const server of cluster.servers) {
    const before = await leaderAddress();
    const others = cluster.addresses.filter((address) => address !== before);
    const { state, result } = await move(server, others);
    expect(state).toBe('succeeded');
    expect(result).toMatchObject({ moved: true });
    expect(others).toContain(result?.leaderAddress);
    expect(await leaderAddress()).toBe(result?.leaderAddress);
    expect((await cluster.ask('/v1/kv/after', { method: 'PUT', body: 'x' })).ok).toBe(true);
  }
  expect(await Promise.all(cluster.servers.map(async ({ agent }) => (await agent.state()).consul.pid))).toEqual(pids);
});

test('nothing moves when one of the named servers leads already', async () => {
  const leader = await leaderAddress();
  const { result } = await move(cluster.servers[0]!, [leader]);
  expect(result).toEqual({ moved: true, leaderAddress: leader });
});

test('servers that cannot lead are passed over, and it is told when none can', async () => {
  const before = await leaderAddress();
  const [nobody, other] = ['127.99.99.99', cluster.addresses.find((address) => address !== before)!];
  expect((await move(cluster.servers[0]!, [nobody, other])).result).toEqual({ moved: true, leaderAddress: other });
  expect((await move(cluster.servers[0]!, [nobody])).result).toEqual({ moved: false, leaderAddress: other });
});

test('whoever may only look reads named figures of Consul, never a key, a token or what is stored, and can do nothing else', async () => {
  const { agent, machine } = cluster.servers[0]!;
  const viewers = createAgentClient({ presence: bed.presence, token: new SecretValue(bed.diagnosticsToken) });
  const viewer = await viewers.find(agent.clusterId, machine.instance.vmId);
  const kinds = Object.keys(DIAGNOSTICS) as DiagnosticKind[];
  expect((await cluster.ask('/v1/kv/stored-mark', { method: 'PUT', body: 'stored-mark' })).ok).toBe(true);
  const Service = { Service: 'named-mark' };
  const registration = { Node: 'elsewhere', Address: '10.1.1.1', Service };
  await cluster.ask('/v1/catalog/register', { method: 'PUT', body: JSON.stringify(registration) });
  const seen = new Map<DiagnosticKind, unknown>();
  // A leader of a moment ago has not asked the others yet.
  const isWhole = (answer: Diagnostic) => !('failureTolerance' in answer) || answer.servers.length === 3;
  for (const kind of kinds) {
    const whole = async () => [await viewer.diagnose(kind)].find(isWhole);
    seen.set(kind, await until(whole, PATIENCE));
  }

  const names = cluster.servers.map(({ name }) => name).sort();
  const named = (list: readonly { name: string }[]) => list.map(({ name }) => name).sort();
  const { members, total } = seen.get('members') as { total: number; members: { name: string; state: string }[] };
  expect([total, named(members), new Set(members.map(({ state }) => state))]).toEqual([3, names, new Set(['alive'])]);
  const raft = seen.get('raft') as { servers: { name: string; leader: boolean; voter: boolean }[] };
  expect([named(raft.servers), raft.servers.filter(({ leader }) => leader)]).toMatchObject([names, [{ voter: true }]]);
  expect(seen.get('autopilot')).toMatchObject({ configuration: { serverStabilizationTime: '1s' } });
  expect(named((seen.get('autopilot') as { servers: { name: string }[] }).servers)).toEqual(names);
  const { gauges, counters, samples } = seen.get('metrics') as Record<string, { name: string }[]>;
  expect(named(gauges!)).toContain('runtime.num_goroutines');
  for (const { name } of [...gauges!, ...counters!, ...samples!]) expect(name).toMatch(/^[a-z]+\.[\w.]+$/i);
  expect(seen.get('usage')).toEqual({ nodes: 4, services: 1, serviceInstances: 1 });
  // Consul tells primary keys from 1.9 on.
  const primaryKeys: unknown = expect.toBeOneOf([1, null]);
  const rings = [{ wan: false, datacenter: 'dc1', members: 3, keys: 1, keysHeldByAll: 1, primaryKeys }];
  expect(seen.get('keyring')).toEqual({ rings });

  const keys = await cluster.json<{ Keys: Record<string, number> }[]>('/v1/operator/keyring');
  const secrets = [cluster.managementToken, ...keys.flatMap(({ Keys }) => Object.keys(Keys)), 'stored-mark', 'named-mark'];
  expect(secrets.length).toBeGreaterThan(3);
  for (const secret of secrets) expect(JSON.stringify([...seen])).not.toContain(secret);
  await expect(viewer.state()).rejects.toMatchObject({ code: 'AuthorizationFailed' });
  await expect(viewer.consulFetch('/v1/status/leader')).rejects.toMatchObject({ code: 'AuthorizationFailed' });
  await expect(viewer.diagnose('raft/../../kv' as DiagnosticKind)).rejects.toThrow();
  await cluster.ask('/v1/catalog/deregister', { method: 'PUT', body: JSON.stringify({ Node: 'elsewhere' }) });
});

test('two of three servers lost for good: the third goes on alone with all that was written', async () => {
  expect((await cluster.ask('/v1/kv/kept', { method: 'PUT', body: 'all of it' })).ok).toBe(true);
  const [survivor, ...lost] = cluster.servers as [TestServer, ...TestServer[]];
  const { Config } = await cluster.json<{ Config: { NodeID: string } }>('/v1/agent/self');
  expect((await survivor.agent.state()).consul.nodeId).toBe(Config.NodeID);
  for (const { machine } of lost) await machine.destroy();
  await until(async () => !(await cluster.ask('/v1/kv/blocked', { method: 'PUT', body: 'x' })).ok, PATIENCE);

  const id = randomUUID();
  const peers = [{ id: Config.NodeID, address: survivor.machine.instance.address }];
  await survivor.agent.startTask(id, { kind: 'recover-peers', peers });
  const status = await until(async () => {
    const seen = await survivor.agent.findTask(id);
    return seen !== undefined && seen.state !== 'running' && seen;
  }, PATIENCE);
  expect(status).toMatchObject({ state: 'succeeded', result: { peers: 1 } });
  await until(async () => (await cluster.ask('/v1/kv/again', { method: 'PUT', body: 'x' })).ok, PATIENCE);
  expect(await (await cluster.ask('/v1/kv/kept?raw')).text()).toBe('all of it');
  expect((await survivor.agent.health()).consul.unplannedRestarts).toBe(0);
  const { Servers } = await cluster.json<{ Servers: unknown[] }>('/v1/operator/raft/configuration');
  expect(Servers).toHaveLength(1);
});
