import { carryOut, planClusterTask, type ClusterTask } from '@managed-consul/fleet';
import { secretOwnerOf } from '@managed-consul/clusters';
import { minutes } from '@managed-consul/config';
import { driveToEnd, everyStepTwice, killedAtEveryStep, until, type WorkflowTrial } from '@managed-consul/testing';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { azureAccidents } from '../support/azure-accidents';
import { quickCluster, underWriter } from '../support/changing-cluster';
import { consulThroughAgent, verifyReadyCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

let world: WorkflowWorld;
let clusterId: string;

/** One cluster for all: each trial finds it whole, and leaves it whole but the last. */
beforeAll(async () => {
  world = await openWorkflowWorld();
  clusterId = await quickCluster(world, 3);
});
afterAll(() => world.stop());

const GROUNDS = { reason: 'The host is slow.', ticket: 'OPS-12' };

/** Asks as an operator does; gives the operation's id. */
async function ask(wish: ClusterTask): Promise<string> {
  const by = { requester: world.requester, reason: GROUNDS.reason };
  await world.database.prisma.$transaction(async (tx) =>
    carryOut(tx, world.requester, GROUNDS, await planClusterTask(tx, clusterId, wish, by), { dryRun: false }),
  );
  const where = { clusterId, state: 'Pending' } as const;
  return (await world.database.prisma.operation.findFirstOrThrow({ where })).id;
}

const servers = () => world.database.prisma.server.findMany({ where: { clusterId }, orderBy: { name: 'asc' } });

async function consulOf(address?: string) {
  const token = await world.dependencies.secrets.get(secretOwnerOf(clusterId), 'management-token');
  const all = await servers();
  const server = all.find((one) => one.address === address) ?? all[0];
  if (!server) throw new Error('The cluster has no server.');
  return consulThroughAgent(world, clusterId, server, token);
}

async function leader(): Promise<string> {
  const address = (await (await consulOf()).leader())?.replace(/:\d+$/, '');
  return (await servers()).find((one) => one.address === address)?.name ?? 'nobody';
}

/** When the Consul of each server was started, and its machine's agent. */
async function startsOf(name: string): Promise<{ consul: number | undefined; agent: string }> {
  const server = (await servers()).find((one) => one.name === name);
  const agent = await world.dependencies.agents.find(clusterId, server?.vmId ?? '');
  return { consul: (await agent.state()).consul.pid, agent: (await agent.health()).agent.startedAt };
}

const trialOf = (wish: () => Promise<ClusterTask>): WorkflowTrial<Services> => ({
  ...world,
  request: async () => ask(await wish()),
  verify: () => verifyReadyCluster(world, clusterId),
});

describe('transfer-leadership', () => {
  it('has another server lead, without a lost write, also when every step is carried out twice', async () => {
    const before = await leader();
    await underWriter(world, clusterId, 'transfer of the lead', async () => {
      await everyStepTwice(trialOf(async () => ({ task: 'TransferLeadership' })));
    });
    expect(await leader()).not.toBe(before);
  });
});

describe('restart-server', () => {
  it('restarts the leader after it has handed over, without a lost write, though its worker dies at every step', async () => {
    const server = await leader();
    const before = await startsOf(server);
    await underWriter(world, clusterId, 'restart of the leader', async () => {
      const points = await killedAtEveryStep(trialOf(async () => ({ task: 'Restart', server })));
      expect(points.map(({ name }) => name)).toContain('serverIsStopped');
    });
    const after = await startsOf(server);
    expect(after.consul).not.toBe(before.consul);
    expect(after.agent, 'the machine ran on').toBe(before.agent);
    expect(await leader()).not.toBe(server);
  });
});

describe('redeploy-server', () => {
  it('starts the machine anew with its disk, also when every step is carried out twice', async () => {
    const [server] = await servers();
    if (!server) throw new Error('The cluster has no server.');
    const before = await startsOf(server.name);
    await everyStepTwice(trialOf(async () => ({ task: 'Redeploy', server: server.name })));
    expect((await startsOf(server.name)).agent).not.toBe(before.agent);
    expect((await servers()).map(({ vmId }) => vmId)).toContain(server.vmId);
  });
});

/** What it is made of is tried at every step as a resize. */
describe('replace-server', () => {
  it('puts a new machine in the place of one, without a lost write', async () => {
    const [old] = await servers();
    if (!old) throw new Error('The cluster has no server.');
    await underWriter(world, clusterId, 'replacement of a server', async () => {
      expect(await driveToEnd(world, await ask({ task: 'Replace', server: old.name }))).toMatchObject({ state: 'Succeeded' });
    });
    await verifyReadyCluster(world, clusterId);
    const now = await servers();
    expect(now).toHaveLength(3);
    expect(now.map(({ vmId }) => vmId)).not.toContain(old.vmId);
  });
});

describe('remove-peer', () => {
  it('leaves a peer that is alive, and takes out one that failed and is no server any more, at every step twice', async () => {
    const leading = await leader();
    const lost = (await servers()).find(({ name }) => name !== leading);
    if (!lost) throw new Error('Every server leads.');
    // As if the records had lost it: what is not a server may still be alive.
    await world.database.prisma.server.delete({ where: { id: lost.id } });
    const remove = { task: 'RemovePeer', address: lost.address } as const;
    expect(await driveToEnd(world, await ask(remove))).toMatchObject({ state: 'Failed', errorCode: 'PeerAlive' });
    await azureAccidents(world).deleteMachine(clusterId, lost);
    const seenAs = async () => (await (await consulOf()).members()).find(({ name }) => name === lost.name)?.state;
    await until(async () => (await seenAs()) !== 'alive', { within: minutes(2), because: 'gossip gives the lost server up' });
    const peersAt = async () =>
      (await (await consulOf()).operator.raftServers()).map(({ Address }) => Address.replace(/:\d+$/, ''));
    await everyStepTwice({
      ...trialOf(async () => remove),
      verify: async () => {
        expect(await peersAt()).not.toContain(lost.address);
        expect((await (await consulOf()).members()).filter(({ state }) => state === 'failed')).toEqual([]);
      },
    });
  });
});
