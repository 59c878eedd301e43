import { randomUUID } from 'node:crypto';
import { recordApplicationNews, requestCreateCluster } from '@managed-consul/clusters';
import { minutes } from '@managed-consul/config';
import { TerminalError } from '@managed-consul/errors';
import { driveToEnd, until } from '@managed-consul/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { customersAzure } from '../support/customers-azure';
import { verifyDeletedCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

let world: WorkflowWorld;
let azure: ReturnType<typeof customersAzure>;

beforeAll(async () => {
  world = await openWorkflowWorld();
  azure = customersAzure(world.world);
});
afterAll(() => world.stop());

/** What the api stores when Azure posts news; gives the operation that they call for. */
async function hear(applicationId: string, eventType: 'PUT' | 'DELETE', provisioningState: string): Promise<string> {
  const news = { applicationId, eventType, provisioningState, eventTime: new Date(), body: {}, correlationId: randomUUID() };
  const subject = await world.database.prisma.$transaction((tx) => recordApplicationNews(tx, news));
  const where = { subject: subject ?? '' };
  const { id } = await world.database.prisma.operation.findFirstOrThrow({ where, orderBy: { createdAt: 'desc' } });
  return id;
}

/** A managed application, registered, with a cluster that is asked for and not begun. */
async function registeredApplication() {
  const name = `place-${randomUUID().slice(0, 6)}`;
  const applicationId = await azure.buyApplication(name, {
    clusterName: name,
    clusterMode: 'DEVELOPMENT',
    consulDataCenter: 'dc1',
    consulVnetCidr: '172.25.16.0/24',
    email: 'team@example.com',
  });
  expect((await world.drive(await hear(applicationId, 'PUT', 'Succeeded'))).state).toBe('Succeeded');
  const installation = await world.database.prisma.installation.findUniqueOrThrow({
    where: { applicationId: applicationId.toLowerCase() },
    include: { clusters: true },
  });
  return { name, applicationId, installation, clusterId: installation.clusters[0]?.id ?? '' };
}

describe('a managed application that vanishes', () => {
  it('between two steps of a delete leaves nothing to remove, and the delete ends well', async () => {
    const { name, clusterId } = await registeredApplication();
    const deletion = await world.requestDelete(clusterId);
    let vanished = false;
    const boundary = {
      reached: async (point: string, step: { operation: { id: string }; name: string }) => {
        if (vanished || point !== 'before-effect' || step.operation.id !== deletion || step.name !== 'stopDeployment') return;
        vanished = true;
        await azure.deleteApplication(name);
      },
    };
    expect(await driveToEnd(world, deletion, boundary)).toMatchObject({ state: 'Succeeded', errorCode: null });
    expect(vanished).toBe(true);
    await verifyDeletedCluster(world, clusterId);
  });

  it('takes no new clusters, asks again for a delete that failed, and keeps who asked', async () => {
    const { name, applicationId, installation, clusterId } = await registeredApplication();
    const { prisma } = world.database;
    await azure.deleteApplication(name);
    const removal = world.drive(await hear(applicationId, 'DELETE', 'Deleted'));
    const nextDelete = (count: number) =>
      until(
        async () => {
          const where = { clusterId, lane: 'Delete' as const };
          const deletes = await prisma.operation.findMany({ where, orderBy: { createdAt: 'asc' } });
          return deletes[count - 1];
        },
        { within: 60_000, because: `delete ${count} was asked for` },
      );
    const first = await nextDelete(1);
    const draft = { installationId: installation.id, name: 'late', networkCidr: '172.26.0.0/24', email: 'team@example.com' };
    const create = requestCreateCluster(world.database, { requester: world.requester, draft });
    await expect(create).rejects.toMatchObject({ code: 'Conflict', message: expect.stringContaining('Deleting') });

    const failing = {
      reached: (_point: string, { name: step }: { name: string }) => {
        if (step === 'closeRecords') throw new TerminalError('FailedOnTrial', 'The trial failed the delete.');
      },
    };
    expect(await driveToEnd(world, first.id, failing)).toMatchObject({ state: 'Failed', errorCode: 'FailedOnTrial' });
    const longAgo = new Date(Date.now() - minutes(10));
    await prisma.operation.update({ where: { id: first.id }, data: { finishedAt: longAgo } });
    const second = await nextDelete(2);
    expect((await world.drive(second.id)).state).toBe('Succeeded');
    expect((await removal).state).toBe('Succeeded');
    await verifyDeletedCluster(world, clusterId);
    const audited = await prisma.auditEvent.findMany({ where: { clusterId, action: 'delete-cluster' }, orderBy: { id: 'asc' } });
    expect(audited.map(({ operationId }) => operationId)).toEqual([first.id, second.id]);
    expect(audited[0]).toMatchObject({ actorTenantId: 'azure', actorId: 'notification', installationId: installation.id });
  });
});
