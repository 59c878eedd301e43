import { randomUUID } from 'node:crypto';
import { createAgentClient } from '@managed-consul/agent-protocol';
import { SecretValue, seconds } from '@managed-consul/config';
import {
  createAgentTestBed,
  createTestMachine,
  parseExposition,
  until,
  type AgentTestBed,
  type TestCluster,
  type TestMachine,
} from '@managed-consul/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

const PATIENCE = { within: seconds(40) };

let bed: AgentTestBed;
let cluster: TestCluster;
const machines: TestMachine[] = [];

beforeAll(async () => {
  bed = await createAgentTestBed();
  cluster = await bed.createCluster();
});
afterEach(async () => {
  await Promise.all(machines.splice(0).map((machine) => machine.destroy()));
});
afterAll(() => bed.close());

async function startMachine(of: TestCluster = cluster, vmId?: string): Promise<TestMachine> {
  const machine = await createTestMachine(bed, of, vmId === undefined ? {} : { vmId });
  machines.push(machine);
  machine.startAgent();
  return machine;
}

const connected = (machine: TestMachine, of: TestCluster = cluster) =>
  until(() => bed.agents.find(of.id, machine.instance.vmId), PATIENCE);
const presenceOf = ({ instance }: TestMachine) => bed.presence.find(cluster.id, instance.vmId);

describe('several gateways', () => {
  test('a worker reaches every agent, whichever replica holds it', async () => {
    const [one, other] = [await bed.startGateway(), await bed.startGateway()];
    bed.balancer.setTargets([one.agentPort]);
    const first = await startMachine();
    await connected(first);
    bed.balancer.setTargets([other.agentPort]);
    const second = await startMachine();
    await connected(second);
    expect((await presenceOf(first))?.internalUrl).toBe(one.internalUrl);
    expect((await presenceOf(second))?.internalUrl).toBe(other.internalUrl);
    for (const machine of [first, second]) {
      const agent = await bed.agents.find(cluster.id, machine.instance.vmId);
      expect((await agent.state()).phase).toBe('idle');
    }
    await Promise.all([one.stop(), other.stop()]);
  });

  test('when a gateway is killed its agents come back through another, and again through itself', async () => {
    const [one, other] = [await bed.startGateway(), await bed.startGateway()];
    bed.balancer.setTargets([one.agentPort]);
    const machine = await startMachine();
    const agent = await connected(machine);
    bed.balancer.setTargets([other.agentPort]);
    await one.kill();
    await until(async () => (await presenceOf(machine))?.internalUrl === other.internalUrl && agent.health(), PATIENCE);
    await other.kill();
    const again = await bed.startGateway();
    bed.balancer.setTargets([again.agentPort]);
    await until(async () => (await presenceOf(machine))?.internalUrl === again.internalUrl && agent.health(), PATIENCE);
    await again.stop();
  });

  test('a gateway that stops in peace takes its agents out of the directory at once and ends with 0', async () => {
    const [one, other] = [await bed.startGateway(), await bed.startGateway()];
    bed.balancer.setTargets([one.agentPort]);
    const machine = await startMachine();
    const agent = await connected(machine);
    bed.balancer.setTargets([other.agentPort]);
    await one.stop();
    expect(one.process.exitCode).toBe(0);
    expect((await presenceOf(machine))?.internalUrl).not.toBe(one.internalUrl);
    await until(async () => (await presenceOf(machine))?.internalUrl === other.internalUrl && agent.health(), PATIENCE);
    await other.stop();
  });
});

describe('one gateway', () => {
  test('presence is whole again after Redis lost everything', async () => {
    const gateway = await bed.startGateway();
    bed.balancer.setTargets([gateway.agentPort]);
    const machine = await startMachine();
    const agent = await connected(machine);
    const before = await presenceOf(machine);
    await bed.redis.flushdb();
    await expect(agent.health()).rejects.toMatchObject({ name: 'TransientError' });
    // The same connection: nothing was dropped to get there.
    expect(await until(() => presenceOf(machine), PATIENCE)).toEqual(before);
    await agent.health();
    await gateway.stop();
  });

  test('the newest connection of a machine wins over one that only looks alive', async () => {
    const gateway = await bed.startGateway();
    bed.balancer.setTargets([gateway.agentPort]);
    const machine = await createTestMachine(bed, cluster);
    machines.push(machine);
    const frozen = machine.startAgent();
    await connected(machine);
    const before = await presenceOf(machine);
    frozen.kill('SIGSTOP');
    machine.startAgent();
    await until(async () => {
      const now = await presenceOf(machine);
      return now && now.connectionId !== before?.connectionId;
    }, PATIENCE);
    await (await bed.agents.find(cluster.id, machine.instance.vmId)).health();
    frozen.kill('SIGKILL');
    await gateway.stop();
  });

  test('nobody reaches an agent without the token, under another cluster, or one that is not there', async () => {
    const gateway = await bed.startGateway();
    bed.balancer.setTargets([gateway.agentPort]);
    const scrape = async () => parseExposition(await (await fetch(`${gateway.internalUrl}/metrics`)).text());
    expect((await scrape()).value('managed_consul_agent_connections', {})).toBe(0);
    const machine = await startMachine();
    await connected(machine);
    const figures = await scrape();
    expect(figures.value('managed_consul_agent_connections', {})).toBe(1);
    expect(figures.value('managed_consul_agent_connects_total', {})).toBe(1);
    expect(figures.value('process_resident_memory_bytes', {})).toBeGreaterThan(0);
    expect((await fetch(`${gateway.internalUrl}/readyz`)).status).toBe(200);
    const { vmId } = machine.instance;
    const foreign = await bed.createCluster();
    const stranger = createAgentClient({ presence: bed.presence, token: new SecretValue('wrong') });
    await expect((await stranger.find(cluster.id, vmId)).state()).rejects.toThrow('AuthenticationFailed');
    await expect(bed.agents.find(foreign.id, vmId)).rejects.toMatchObject({ name: 'TransientError' });
    const headers = { authorization: `Bearer ${bed.internalToken}` };
    const statusOf = async (path: string) => (await fetch(`${gateway.internalUrl}${path}`, { headers })).status;
    expect(await statusOf(`/agents/${cluster.id}/${vmId}/v1/state`)).toBe(200);
    expect(await statusOf(`/agents/${foreign.id}/${vmId}/v1/state`)).toBe(404);
    expect(await statusOf(`/agents/${cluster.id}/${randomUUID()}/v1/state`)).toBe(404);
    expect(await statusOf(`/agents/${foreign.id}/x/..%2f..%2f${cluster.id}/${vmId}/v1/state`)).toBe(404);
    await gateway.stop();
  });

  test('an agent of a deleted cluster is thrown out and does not come back', async () => {
    const gateway = await bed.startGateway();
    bed.balancer.setTargets([gateway.agentPort]);
    const doomed = await bed.createCluster();
    const machine = await startMachine(doomed);
    await connected(machine, doomed);
    await bed.database.prisma.cluster.update({ where: { id: doomed.id }, data: { deletedAt: new Date() } });
    await until(async () => (await machine.agentLog()).includes('AuthorizationFailed'), PATIENCE);
    expect(await bed.agents.isConnected(doomed.id, machine.instance.vmId)).toBe(false);
    await gateway.stop();
  });

  test('an agent that connects wakes the unfinished operations of its cluster', async () => {
    const gateway = await bed.startGateway();
    bed.balancer.setTargets([gateway.agentPort]);
    const later = new Date(Date.now() + 3_600_000);
    const operation = await bed.database.prisma.operation.create({
      data: {
        kind: 'create-cluster',
        subject: `cluster/${cluster.id}`,
        clusterId: cluster.id,
        state: 'Running',
        wakeAt: later,
        requestedBy: 'test',
      },
    });
    await connected(await startMachine());
    // The bell rings after the row is written, so both are waited for.
    await until(async () => {
      const now = await bed.database.prisma.operation.findUniqueOrThrow({ where: { id: operation.id } });
      const jobs = await bed.redis.exists(`bull:operations:operation-${operation.id}-${now.wakeNumber}`);
      return (now.wakeAt ?? later) < later && jobs === 1;
    }, PATIENCE);
    await gateway.stop();
  });
});
