import { requestResize, requestScale, secretOwnerOf } from '@managed-consul/clusters';
import { minutes } from '@managed-consul/config';
import { TerminalError } from '@managed-consul/errors';
import { driveToEnd, everyStepTwice, killedAtEveryStep, until, type WorkflowTrial } from '@managed-consul/testing';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, quickCluster, underWriter } from '../support/changing-cluster';
import { consulThroughAgent, verifyReadyCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

let world: WorkflowWorld;
beforeAll(async () => {
  world = await openWorkflowWorld();
});
afterAll(() => world.stop());

const scaleTo = (clusterId: string, servers: number): Promise<string> =>
  ask(world, (tx) => requestScale(tx, { requester: world.requester, clusterId, servers }));

const resizeTo = (clusterId: string, vmSize: string): Promise<string> =>
  ask(world, (tx) => requestResize(tx, { requester: world.requester, clusterId, vmSize }));

async function expectServers(clusterId: string, servers: number): Promise<void> {
  await verifyReadyCluster(world, clusterId);
  expect(await world.database.prisma.cluster.findUniqueOrThrow({ where: { id: clusterId } })).toMatchObject({ servers });
  expect(await world.database.prisma.server.count({ where: { clusterId } })).toBe(servers);
}

async function expectSize(clusterId: string, vmSize: string, servers: number): Promise<void> {
  await expectServers(clusterId, servers);
  expect(await world.database.prisma.server.count({ where: { clusterId, vmSize } })).toBe(servers);
}

const scaleTrial = (clusterId: string, servers: number): WorkflowTrial<Services> => ({
  ...world,
  request: () => scaleTo(clusterId, servers),
  verify: () => expectServers(clusterId, servers),
});

const resizeTrial = (clusterId: string, vmSize: string): WorkflowTrial<Services> => ({
  ...world,
  request: () => resizeTo(clusterId, vmSize),
  verify: () => expectSize(clusterId, vmSize, 1),
});

const serverAt = (clusterId: string, vmId: string) =>
  world.database.prisma.server.findUniqueOrThrow({ where: { clusterId_vmId: { clusterId, vmId } } });

/** Address of the server that leads, in the eyes of the one given. */
async function leaderSeenBy(clusterId: string, vmId: string): Promise<string | undefined> {
  const token = await world.dependencies.secrets.get(secretOwnerOf(clusterId), 'management-token');
  const consul = await consulThroughAgent(world, clusterId, await serverAt(clusterId, vmId), token);
  return (await consul.leader())?.replace(/:\d+$/, '');
}

/** Has a server take the lead, as a server does that wins an election at a bad moment. */
async function makeLeader(clusterId: string, vmId: string): Promise<void> {
  const { address } = await serverAt(clusterId, vmId);
  const agent = await world.dependencies.agents.find(clusterId, vmId);
  let tries = 0;
  const leads = async () => {
    if ((await leaderSeenBy(clusterId, vmId)) === address) return true;
    await agent
      .startTask(`trial-lead-${vmId}-${(tries += 1)}`, { kind: 'move-leadership', to: [{ address }] })
      .catch(() => undefined);
    return false;
  };
  await until(leads, { within: minutes(1), because: 'the server that is to go leads' });
}

/** Gives the lead to the first server that goes once its turn to hand over is past; says who leads when it is told to leave. */
function leadComesBack(clusterId: string) {
  const seen: { leaving?: string; leader?: string | undefined } = {};
  const reached = async (point: string, { name, item }: { name: string; item: string }) => {
    if (name !== 'startLeaving') return;
    if (point === 'before-effect' && seen.leaving === undefined) {
      await makeLeader(clusterId, item);
      seen.leaving = (await serverAt(clusterId, item)).address;
    } else if (point === 'after-effect' && !('leader' in seen)) seen.leader = await leaderSeenBy(clusterId, item);
  };
  return { seen, reached };
}

/** A resize that has added the new server and fails before the old one is told to leave. */
async function failBetweenServers(clusterId: string, vmSize: string): Promise<void> {
  const reached = (point: string, { name }: { name: string }) => {
    if (point === 'before-effect' && name === 'startLeaving') throw new TerminalError('FailedOnTrial', 'It failed.');
  };
  const failed = await driveToEnd(world, await resizeTo(clusterId, vmSize), { reached });
  expect(failed).toMatchObject({ state: 'Failed', errorCode: 'FailedOnTrial' });
}

/** Its history and the number that Consul holds on to, after a resize that had only to take away what one before it left. */
async function expectNoneAdded(clusterId: string): Promise<void> {
  const { id: operationId } = await world.database.prisma.operation.findFirstOrThrow({
    where: { clusterId, kind: 'resize-cluster' },
    orderBy: { createdAt: 'desc' },
  });
  const told = await world.database.prisma.clusterEvent.findMany({ where: { operationId }, orderBy: { id: 'asc' } });
  expect(told.map(({ type }) => type)).toEqual(['ResizeRequested', 'ResizeStarted', 'ServerRemoved', 'ResizeSucceeded']);
  const server = await world.database.prisma.server.findFirstOrThrow({ where: { clusterId } });
  const token = await world.dependencies.secrets.get(secretOwnerOf(clusterId), 'management-token');
  const { operator } = await consulThroughAgent(world, clusterId, server, token);
  expect(await operator.autopilotConfiguration()).toMatchObject({ MinQuorum: 1 });
}

// They mostly wait for Consul's own timers, so they wait together.
describe.concurrent('the servers of a cluster', { timeout: minutes(7) }, () => {
  it('become more and fewer under a writer: nothing is lost, and the majority is always there', async () => {
    const clusterId = await quickCluster(world, 1);
    await underWriter(world, clusterId, 'scale 1 to 3 to 5 to 3', async () => {
      for (const servers of [3, 5, 3]) {
        expect(await world.drive(await scaleTo(clusterId, servers))).toMatchObject({ state: 'Succeeded' });
        await expectServers(clusterId, servers);
      }
    });
  });

  it('are replaced by larger ones under a writer: nothing is lost, and the majority is always there', async () => {
    const clusterId = await quickCluster(world, 3);
    await underWriter(world, clusterId, 'resize of 3 servers', async () => {
      const { seen, reached } = leadComesBack(clusterId);
      const resized = await driveToEnd(world, await resizeTo(clusterId, 'Standard_D4s_v5'), { reached });
      expect(resized).toMatchObject({ state: 'Succeeded' });
      await expectSize(clusterId, 'Standard_D4s_v5', 3);
      expect(seen.leader, 'a server that leads again hands over again before it leaves').not.toBe(seen.leaving);
      expect(seen.leader).toBeTruthy();
    });
  });

  it('become more when every step is carried out twice, and fewer when the worker dies at every step', async () => {
    const clusterId = await quickCluster(world, 1);
    await everyStepTwice(scaleTrial(clusterId, 3));
    const points = await killedAtEveryStep(scaleTrial(clusterId, 1));
    expect(points.map(({ name }) => name)).toContain('forgetServer');
  });

  // With the trial before: each shared step of adding and removing is tried both ways.
  it('are replaced when every step is carried out twice, and when the worker dies at every step', async () => {
    const clusterId = await quickCluster(world, 1);
    await killedAtEveryStep(resizeTrial(clusterId, 'Standard_D8s_v5'), { twice: true });
    // Asked for again after it failed with one server too many, it adds no other.
    await failBetweenServers(clusterId, 'Standard_D4s_v5');
    expect(await world.database.prisma.server.count({ where: { clusterId, membership: 'Member' } })).toBe(2);
    await everyStepTwice(resizeTrial(clusterId, 'Standard_D4s_v5'));
    await expectNoneAdded(clusterId);
  });
});
