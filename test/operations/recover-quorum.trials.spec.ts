import { requestRecoverQuorum, requestTakeSnapshot } from '@managed-consul/snapshots';
import { clusterNames } from '@managed-consul/azure';
import type { RecoverQuorumInput } from '@managed-consul/clusters';
import { until } from '@managed-consul/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsulContents } from '../support/consul-contents';
import { verifyReadyCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

let world: WorkflowWorld;
/** Three servers with a blue and a red key; only the blue one is in the snapshot. */
let contents: ConsulContents;
let snapshotId: string;

const ended = async (operationId: string) =>
  expect(await world.drive(operationId)).toMatchObject({ errorMessage: null, state: 'Succeeded' });

async function requestRecovery(source: RecoverQuorumInput): Promise<string> {
  const { requester, database } = world;
  const wish = { requester, clusterId: contents.clusterId, source };
  return (await database.prisma.$transaction((tx) => requestRecoverQuorum(tx, wish))).id;
}

/** Deletes the machines of servers behind the service's back, as an accident in Azure would. */
async function loseMachines(count: number): Promise<void> {
  const { installation } = await world.database.prisma.cluster.findUniqueOrThrow({
    where: { id: contents.clusterId },
    include: { installation: true },
  });
  const { scaleSets } = world.dependencies.azure.inSubscription(installation.subscriptionId);
  const { scaleSet } = clusterNames(contents.clusterId);
  const before = await scaleSets.listInstances(installation.resourceGroup, scaleSet);
  for (const { instanceId } of before.slice(0, count))
    await scaleSets.startRemovingInstance(installation.resourceGroup, scaleSet, instanceId);
  const isDone = async () =>
    (await scaleSets.listInstances(installation.resourceGroup, scaleSet)).length === before.length - count;
  await until(isDone, { within: 60_000, because: 'Azure removes the machines' });
}

beforeAll(async () => {
  world = await openWorkflowWorld();
  const created = await world.requestCluster(3);
  await ended(created.operationId);
  contents = new ConsulContents(world, created.clusterId);
  await contents.fill('blue');
  const { requester, database } = world;
  const { clusterId } = contents;
  const taken = await database.prisma.$transaction((tx) => requestTakeSnapshot(tx, { requester, clusterId }));
  await ended(taken.operation.id);
  snapshotId = taken.snapshot.id;
  await contents.fill('red');
});
afterAll(() => world.stop());

describe('recover-quorum', () => {
  it('leaves a cluster alone whose servers have a leader', async () => {
    const operation = await world.drive(await requestRecovery({ from: 'survivors' }));
    expect(operation).toMatchObject({ state: 'Failed', errorCode: 'QuorumNotLost' });
    expect((await contents.look()).color).toBe('red');
  });

  it('goes on from the one server that is left, with everything that it had, and replaces the others', async () => {
    await loseMachines(2);
    await ended(await requestRecovery({ from: 'survivors' }));
    expect(await contents.look()).toMatchObject({ color: 'red', intentions: ['web-blue', 'web-red'] });
    await verifyReadyCluster(world, contents.clusterId);
  });

  it('rebuilds a cluster of which nothing is left from its snapshot', async () => {
    await loseMachines(3);
    await ended(await requestRecovery({ from: 'snapshot', snapshotId }));
    expect(await contents.look()).toEqual({ color: 'blue', intentions: ['web-blue'], services: ['mail-blue'] });
    await verifyReadyCluster(world, contents.clusterId);
  });
});
