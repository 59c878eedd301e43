import { clusterNames } from '@managed-consul/azure';
import { requestRepair, type RecoverQuorumInput } from '@managed-consul/clusters';
import { minutes, systemClock } from '@managed-consul/config';
import { TerminalError } from '@managed-consul/errors';
import { createSchedules } from '@managed-consul/schedules';
import { requestRecoverQuorum, requestTakeSnapshot } from '@managed-consul/snapshots';
import {
  driveToEnd,
  everyStepTwice,
  FakeClock,
  fakeTime,
  killedAtEveryStep,
  until,
  type WorkflowTrial,
} from '@managed-consul/testing';
import type { BoundaryPoint } from '@managed-consul/workflow-engine';
import { createWorkflowHost, type Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, quickCluster, underWriter } from '../support/changing-cluster';
import { ConsulContents } from '../support/consul-contents';
import { seeOnly, type PartialSight } from '../support/partial-sight';
import { verifyReadyCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

let world: WorkflowWorld;
beforeAll(async () => {
  world = await openWorkflowWorld();
});
afterAll(() => world.stop());

const succeed = async (operationId: string) =>
  expect(await world.drive(operationId)).toMatchObject({ errorMessage: null, state: 'Succeeded' });

const recover = (clusterId: string, source: RecoverQuorumInput): Promise<string> =>
  ask(world, (tx) => requestRecoverQuorum(tx, { requester: world.requester, clusterId, source }));

const repair = (clusterId: string): Promise<string> =>
  ask(world, (tx) => requestRepair(tx, { requester: world.requester, clusterId }));

/** Driven until `step` has acted, and failed there. */
async function failAfter(operationId: string, step: string): Promise<void> {
  const reached = (point: BoundaryPoint, { operation, name }: { operation: { id: string }; name: string }) => {
    if (operation.id === operationId && name === step && point === 'after-effect')
      throw new TerminalError('FailedOnTrial', 'The trial failed it.');
  };
  expect(await driveToEnd(world, operationId, { reached })).toMatchObject({ state: 'Failed', errorCode: 'FailedOnTrial' });
}

async function machinesOf(clusterId: string) {
  const { prisma } = world.database;
  const { installation } = await prisma.cluster.findUniqueOrThrow({ where: { id: clusterId }, include: { installation: true } });
  const { scaleSets } = world.dependencies.azure.inSubscription(installation.subscriptionId);
  const { scaleSet } = clusterNames(clusterId);
  const list = () => scaleSets.listInstances(installation.resourceGroup, scaleSet);
  const remove = (instanceId: string) => scaleSets.startRemovingInstance(installation.resourceGroup, scaleSet, instanceId);
  /** Shuts all of them down and keeps their disks. */
  const stopAll = async () => {
    await scaleSets.startDeallocating(installation.resourceGroup, scaleSet);
    const areOff = async () => {
      const power = await scaleSets.listPower(installation.resourceGroup, scaleSet);
      return [...power.values()].every((word) => word === 'deallocated');
    };
    await until(areOff, { within: minutes(2), because: 'Azure stops the machines' });
  };
  return { list, remove, stopAll };
}

/** Deletes the machines of servers behind the service's back, as an accident in Azure would. */
async function loseMachines(clusterId: string, count: number): Promise<void> {
  const { list, remove } = await machinesOf(clusterId);
  const before = await list();
  for (const { instanceId } of before.slice(0, count)) await remove(instanceId);
  const areGone = async () => (await list()).length === before.length - count;
  await until(areGone, { within: minutes(2), because: 'Azure removes the machines' });
}

/** Consul ends on every machine that is left; its agent starts it again, and it knows no token before somebody leads. */
async function restartConsul(clusterId: string): Promise<void> {
  for (const { vmId } of await (await machinesOf(clusterId)).list()) {
    const agent = await world.dependencies.agents.find(clusterId, vmId);
    const { pid } = (await agent.state()).consul;
    if (pid === undefined) throw new Error('Consul does not run.');
    process.kill(pid, 'SIGKILL');
    const runsAgain = async () => {
      const { consul } = await agent.state();
      return consul.running && consul.pid !== pid;
    };
    await until(runsAgain, { within: minutes(1), because: 'the agent starts Consul again' });
  }
}

async function takeSnapshot(clusterId: string): Promise<string> {
  const { requester, database } = world;
  const taken = await database.prisma.$transaction((tx) => requestTakeSnapshot(tx, { requester, clusterId }));
  await succeed(taken.operation.id);
  return taken.snapshot.id;
}

/** A cluster with a red key. */
async function redCluster(servers: number) {
  const clusterId = await quickCluster(world, servers);
  const contents = new ConsulContents(world, clusterId);
  await contents.fill('red');
  return { clusterId, contents };
}

/** A cluster with a blue and a red key; only the blue one is in the snapshot. */
async function blueSnapshot(servers: number) {
  const clusterId = await quickCluster(world, servers);
  const contents = new ConsulContents(world, clusterId);
  await contents.fill('blue');
  const snapshotId = await takeSnapshot(clusterId);
  await contents.fill('red');
  return { clusterId, contents, snapshotId };
}

const BLUE = { color: 'blue', intentions: ['web-blue'], services: ['mail-blue'] };
const RED = { color: 'red', intentions: ['web-red'] };

/** Two of three machines are lost and the third one's Consul was restarted: it goes on alone, with everything that it had. */
const fromSurvivors = ({ clusterId, contents }: { clusterId: string; contents: ConsulContents }): WorkflowTrial<Services> => ({
  ...world,
  request: async () => {
    await loseMachines(clusterId, 2);
    await restartConsul(clusterId);
    return recover(clusterId, { from: 'survivors' });
  },
  verify: async () => {
    expect(await contents.look()).toMatchObject(RED);
    await verifyReadyCluster(world, clusterId);
  },
});

/** Looks until the service asks for a repair by itself; gives its id. */
async function repairIsAskedFor(clusterId: string, { agents }: PartialSight): Promise<string> {
  const { dependencies, database, log } = world;
  const often = { observeEvery: 1, inspectEvery: 1, repairAfter: 1 };
  const schedules = createSchedules({ ...dependencies, agents, database, log, clock: systemClock, ...often });
  const asked = async () => {
    const now = new Date();
    await schedules
      .find(({ kind }) => kind === 'observe')
      ?.run(clusterId, { now, dueAt: now, signal: AbortSignal.timeout(minutes(1)) });
    return database.prisma.operation.findFirst({ where: { clusterId, kind: 'repair-cluster', state: 'Pending' } });
  };
  return (await until(asked, { within: minutes(2), because: 'a repair is asked for' })).id;
}

/** The step of a repair for one item. */
const stepOf = (operationId: string, name: string, item: string) =>
  world.database.prisma.operationStep.findFirstOrThrow({ where: { operationId, name, item } });

async function seenThrough(clusterId: string) {
  const contents = new ConsulContents(world, clusterId);
  return { servers: await contents.servers(), operator: (await contents.consul()).operator };
}

// They mostly wait for the servers, so they wait together; those that last longest begin first.
describe.concurrent('a cluster of five that has two servers less', { timeout: minutes(8) }, () => {
  it('has silent ones replaced one after the other while their Consul runs, the leader too, and dead ones together', async () => {
    const clusterId = await quickCluster(world, 5);
    const { servers, operator } = await seenThrough(clusterId);
    const leader = (await operator.raftServers()).find(({ Leader }) => Leader)?.Node;
    const silent = [...servers].sort((one, other) => Number(other.name === leader) - Number(one.name === leader)).slice(0, 2);
    const sight = await seeOnly(world, (key) => !silent.some(({ vmId }) => key.endsWith(vmId)));
    try {
      const asked = await repairIsAskedFor(clusterId, sight);
      const host = createWorkflowHost({ ...world.dependencies, agents: sight.agents }, { clock: systemClock, log: world.log });
      await underWriter(world, clusterId, 'two silent servers of five replaced', async () => {
        expect(await driveToEnd({ ...world, host }, asked)).toMatchObject({ errorMessage: null, state: 'Succeeded' });
      });
      const { operationStep } = world.database.prisma;
      const dropped = { operationId: asked, name: 'dropSilentServer' };
      const [first, second] = await operationStep.findMany({ where: dropped, orderBy: { startedAt: 'asc' } });
      const { finishedAt } = await stepOf(asked, 'recordNewServer', first?.item ?? '');
      expect(second?.startedAt.getTime()).toBeGreaterThanOrEqual(finishedAt?.getTime() ?? Infinity);
    } finally {
      await sight.stop();
    }
    await verifyReadyCluster(world, clusterId);
    const left = await world.database.prisma.server.findMany({ where: { clusterId } });
    expect(left.filter(({ vmId }) => silent.some((server) => server.vmId === vmId))).toEqual([]);

    await loseMachines(clusterId, 2);
    await succeed(await repair(clusterId));
    await verifyReadyCluster(world, clusterId);
  });
});

describe.concurrent('recover-quorum', { timeout: minutes(8) }, () => {
  it('goes on from the one server that is left, though the worker dies at every step', async () => {
    const points = await killedAtEveryStep(fromSurvivors(await redCluster(3)));
    expect(points.map(({ name }) => name)).toContain('restoreServerMinimum');
  });

  it('rebuilds from a snapshot that it has proved beside the one server that is left, though the worker dies at every step', async () => {
    const { clusterId, contents, snapshotId } = await blueSnapshot(3);
    await loseMachines(clusterId, 2);
    const trial = {
      ...world,
      request: () => recover(clusterId, { from: 'snapshot', snapshotId }),
      verify: async () => {
        expect(await contents.look()).toEqual(BLUE);
        await verifyReadyCluster(world, clusterId);
      },
    };
    await killedAtEveryStep(trial);
  });

  it('rebuilds a cluster of which nothing is left, every step carried out twice, after it failed on its way there', async () => {
    const { clusterId, contents, snapshotId } = await blueSnapshot(1);
    const rebuild = () => recover(clusterId, { from: 'snapshot', snapshotId });
    await loseMachines(clusterId, 1);
    await failAfter(await rebuild(), 'startNewMachines');
    const verify = async () => {
      expect(await contents.look()).toEqual(BLUE);
      await verifyReadyCluster(world, clusterId);
    };
    await everyStepTwice({ ...world, request: rebuild, verify });
  });

  it('is finished by a repair when it failed after the one server that is left had begun to lead', async () => {
    const red = await redCluster(3);
    const { request, verify } = fromSurvivors(red);
    await failAfter(await request(), 'survivorsHaveLeader');
    const repaired = await repair(red.clusterId);
    await succeed(repaired);
    await verify(repaired);
  });

  it('goes on from the one server that is left, every step carried out twice', async () => {
    await everyStepTwice(fromSurvivors(await redCluster(3)));
  });

  it('leaves a cluster alone that has a leader, is only out of sight, or could not be rebuilt from a proved snapshot', async () => {
    const { clusterId, contents, snapshotId } = await blueSnapshot(3);
    const sources = [{ from: 'survivors' }, { from: 'snapshot', snapshotId }] as const;
    const machines = await (await machinesOf(clusterId)).list();
    const sight = await seeOnly(world, (key) => !key.includes(clusterId));
    try {
      for (const source of sources) {
        const clock = new FakeClock(new Date());
        const host = createWorkflowHost({ ...world.dependencies, agents: sight.agents }, { clock, log: world.log });
        const unseen = await driveToEnd({ ...world, host, time: fakeTime(clock) }, await recover(clusterId, source));
        expect(unseen).toMatchObject({ state: 'Failed', errorCode: 'WaitTimedOut', errorStep: 'nobodyLeads' });
      }
    } finally {
      await sight.stop();
    }
    const mistaken = await world.drive(await recover(clusterId, { from: 'survivors' }));
    expect(mistaken).toMatchObject({ state: 'Failed', errorCode: 'QuorumNotLost' });
    expect((await contents.look()).color).toBe('red');

    await (await machinesOf(clusterId)).stopAll();
    const unproved = await world.drive(await recover(clusterId, { from: 'snapshot', snapshotId }));
    expect(unproved).toMatchObject({ state: 'Failed', errorCode: 'SnapshotNotProved' });
    const left = await (await machinesOf(clusterId)).list();
    expect(left.map(({ vmId }) => vmId)).toEqual(machines.map(({ vmId }) => vmId));
  });
});
