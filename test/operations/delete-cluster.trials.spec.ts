import { INSTALLATION_TAG, resourceGroupId } from '@managed-consul/azure';
import { TerminalError } from '@managed-consul/errors';
import { driveToEnd, failedAtEveryStepThenDeletable, killedAtEveryStep, type WorkflowTrial } from '@managed-consul/testing';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyDeletedCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

let world: WorkflowWorld;

beforeAll(async () => {
  world = await openWorkflowWorld();
});
afterAll(() => world.stop());

/** A cluster that runs, of one server: what delete does is the same for each further one. */
async function readyCluster(): Promise<string> {
  const { clusterId, operationId } = await world.requestCluster(1);
  expect((await world.drive(operationId)).state).toBe('Succeeded');
  return clusterId;
}

async function clusterOf(operationId: string): Promise<string> {
  const { clusterId } = await world.database.prisma.operation.findUniqueOrThrow({ where: { id: operationId } });
  return clusterId ?? '';
}

const verifyDeleted = async (operationId: string) => verifyDeletedCluster(world, await clusterOf(operationId));

const deletion = (): WorkflowTrial<Services> => ({
  ...world,
  request: async () => world.requestDelete(await readyCluster()),
  verify: verifyDeleted,
});

describe('delete-cluster', () => {
  it('ends the same when every step is carried out twice and its worker dies before, in and after each', async () => {
    const points = await killedAtEveryStep(deletion(), { twice: true });
    expect(points.map(({ name }) => name)).toContain('closeRecords');
  });

  it('can fail at any step, and the next delete finishes what it began', async () => {
    const requestDelete = async (operationId: string) => world.requestDelete(await clusterOf(operationId));
    const again = { kind: 'delete-cluster', requestDelete, verifyDeleted, inParallel: 4 };
    expect(await failedAtEveryStepThenDeletable(deletion(), again)).toContain('closeRecords');
  });

  it('deletes a cluster of which Azure has nothing yet', async () => {
    const { clusterId } = await world.requestCluster(3);
    expect((await world.drive(await world.requestDelete(clusterId))).state).toBe('Succeeded');
    await verifyDeletedCluster(world, clusterId);
  });

  it('is not undone by a create that it has overtaken and that fails', async () => {
    const { clusterId, operationId } = await world.requestCluster(1);
    const { prisma } = world.database;
    let deletion = '';
    const boundary = {
      reached: async (_point: string, { operation }: { operation: { id: string } }) => {
        if (operation.id !== operationId) return;
        deletion = await world.requestDelete(clusterId);
        throw new TerminalError('FailedOnTrial', 'The trial failed the create.');
      },
    };
    expect(await driveToEnd(world, operationId, boundary)).toMatchObject({ state: 'Failed', errorCode: 'FailedOnTrial' });
    const cluster = await prisma.cluster.findUniqueOrThrow({ where: { id: clusterId } });
    expect(cluster).toMatchObject({ provisioningState: 'Deleting', failureCode: null });
    expect((await world.drive(deletion)).state).toBe('Succeeded');
    await verifyDeletedCluster(world, clusterId);
  });

  it('touches nothing in a group that Azure does not say is the installation’s, and works once it does', async () => {
    const clusterId = await readyCluster();
    const { subscriptionId, resourceGroup } = await world.database.prisma.installation.findUniqueOrThrow({
      where: { id: world.installationId },
    });
    const { resourceGroups } = world.dependencies.azure.inSubscription(subscriptionId);
    const mark = (value: string) =>
      resourceGroups.addTags(resourceGroupId(subscriptionId, resourceGroup), { [INSTALLATION_TAG]: value });
    await mark('someone-else');
    expect(await world.drive(await world.requestDelete(clusterId))).toMatchObject({
      state: 'Failed',
      errorCode: 'ResourceGroupNotManaged',
    });
    expect(await world.database.prisma.server.count({ where: { clusterId } })).toBe(1);
    await mark(world.installationId);
    expect((await world.drive(await world.requestDelete(clusterId))).state).toBe('Succeeded');
    await verifyDeletedCluster(world, clusterId);
  });
});
