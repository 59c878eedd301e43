import { failedAtEveryStepThenDeletable, killedAtEveryStep, type WorkflowTrial } from '@managed-consul/testing';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyDeletedCluster, verifyReadyCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

let world: WorkflowWorld;

beforeAll(async () => {
  world = await openWorkflowWorld();
});
afterAll(() => world.stop());

async function clusterOf(operationId: string): Promise<string> {
  const { clusterId } = await world.database.prisma.operation.findUniqueOrThrow({ where: { id: operationId } });
  if (!clusterId) throw new Error(`Operation ${operationId} is on no cluster.`);
  return clusterId;
}

async function requestDeleteAfter(operationId: string): Promise<string> {
  return world.requestDelete(await clusterOf(operationId));
}

/** Verified, then deleted and verified again, so that one trial's servers do not slow the next. */
async function verifyAndDelete(operationId: string): Promise<void> {
  const clusterId = await clusterOf(operationId);
  await verifyReadyCluster(world, clusterId);
  const servers = await world.database.prisma.server.findMany({ where: { clusterId } });
  expect((await world.drive(await world.requestDelete(clusterId))).state).toBe('Succeeded');
  await verifyDeletedCluster(
    world,
    clusterId,
    servers.map(({ address }) => address),
  );
}

const createOf = (servers: number): WorkflowTrial<Services> => ({
  ...world,
  request: async () => (await world.requestCluster(servers)).operationId,
  verify: verifyAndDelete,
});

describe('create-cluster', () => {
  it('ends the same when every step is carried out twice and its worker dies before, in and after each', async () => {
    const points = await killedAtEveryStep(createOf(3), { twice: true });
    const { steps } = world.host.workflows.get('create-cluster') ?? { steps: [] };
    expect(points.filter(({ point }) => point === 'after-row')).toHaveLength(steps.length);
  });

  it('can fail at any step, and what it leaves can be deleted', async () => {
    const verifyDeleted = async (operationId: string) => verifyDeletedCluster(world, await clusterOf(operationId));
    const deletion = { kind: 'create-cluster', requestDelete: requestDeleteAfter, verifyDeleted, inParallel: 4 };
    const failed = await failedAtEveryStepThenDeletable(createOf(1), deletion);
    expect(failed).toContain('recordReadyCluster');
  });

  it('is overtaken by a delete that is asked for while Azure still deploys', async () => {
    const { clusterId, operationId } = await world.requestCluster(1);
    const create = world.drive(operationId);
    const removal = await world.requestDelete(clusterId);
    expect((await create).state).toBe('Canceled');
    expect((await world.drive(removal)).state).toBe('Succeeded');
    await verifyDeletedCluster(world, clusterId);
  });

  it('outlives throttling, faults and lost answers of Azure', async () => {
    const { operationId } = await world.requestCluster(1);
    await world.addFault({ method: 'PUT', path: 'deployments/consul-', count: 1, effect: { kind: 'lostResponse' } });
    await world.addFault({ method: 'GET', count: 1, effect: { kind: 'answer', status: 429, retryAfterSeconds: 1 } });
    await world.addFault({ method: 'GET', path: 'deployments', count: 2, effect: { kind: 'answer', status: 500 } });
    await world.addFault({ method: 'GET', path: 'virtualMachines$', count: 2, effect: { kind: 'lostResponse' } });
    expect(await world.drive(operationId)).toMatchObject({ state: 'Succeeded' });
    await verifyAndDelete(operationId);
  });

  it('ends with Azure’s code and a sentence for the customer when Azure refuses, and can be deleted', async () => {
    const { clusterId, operationId } = await world.requestCluster(3);
    const message = 'Operation results in exceeding quota limits of Core. Maximum allowed: 4, Current in use: 4.';
    await world.addFault({
      method: 'PUT',
      path: 'deployments/',
      count: 1,
      effect: { kind: 'answer', status: 409, code: 'QuotaExceeded', message },
    });
    const ended = await world.drive(operationId);
    expect(ended).toMatchObject({ state: 'Failed', errorCode: 'QuotaExceeded', errorStep: 'startDeployment' });
    expect(ended.errorMessage).toMatch(/Ask Azure for more quota.*Azure says: Operation results in exceeding quota/);
    const cluster = await world.database.prisma.cluster.findUniqueOrThrow({ where: { id: clusterId } });
    expect(cluster).toMatchObject({
      provisioningState: 'Failed',
      failureCode: 'QuotaExceeded',
      failureMessage: ended.errorMessage,
    });
    expect((await world.drive(await world.requestDelete(clusterId))).state).toBe('Succeeded');
    await verifyDeletedCluster(world, clusterId);
  });
});
