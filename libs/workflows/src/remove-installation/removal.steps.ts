import { nameOf, recordAudit, type Requester } from '@managed-consul/access';
import { clusterSubject, moveProvisioningState, OPERATION_KINDS, recordClusterEvent } from '@managed-consul/clusters';
import { minutes } from '@managed-consul/config';
import type { Cluster, Transaction } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import { requestOperation, type Operation } from '@managed-consul/operations';
import { snapshotSecretsOwner } from '@managed-consul/snapshots';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { azureLook } from '../shared-steps/delays';
import { findApplicationInSight } from '../shared-steps/vanished-application';
import { applicationIdOf } from './application';

const sinceStart = ({ operation }: Pick<Step, 'operation'>): string => (operation.startedAt ?? operation.createdAt).toISOString();

const notDeleted = (): TerminalError =>
  new TerminalError('ApplicationNotDeleted', 'The managed application still exists in Azure, so nothing was removed.');

/** Whether Azure deletes the application or has done so: news alone end nothing. */
async function applicationIsThere({ azure }: Step, applicationId: string): Promise<boolean> {
  // It may vanish between two reads, so that one has to say it all.
  const application = await findApplicationInSight(azure, applicationId);
  if (application && application.provisioningState !== 'Deleting') throw notDeleted();
  return application !== undefined;
}

/** Done when Azure says that it deletes the application, or has it no longer. */
export async function confirmApplicationGoes(step: Step) {
  return done({ isThere: await applicationIsThere(step, applicationIdOf(step)) });
}

/**
 * Done when Azure no longer has the application. Who only says that it is deleted, deletes nothing. From then on the place
 * takes no new clusters.
 */
export async function applicationIsGone(step: Step) {
  const applicationId = applicationIdOf(step);
  if (!(await applicationIsThere(step, applicationId))) {
    return done(undefined, async (tx) => {
      await tx.installation.updateMany({ where: { applicationId, state: { not: 'Deleted' } }, data: { state: 'Deleting' } });
    });
  }
  return waitFor('Azure is deleting the managed application', azureLook(sinceStart(step), step.clock.now()));
}

const livingClusters = ({ database }: Pick<Step, 'database'>, applicationId: string): Promise<Cluster[]> =>
  database.prisma.cluster.findMany({ where: { installation: { applicationId }, deletedAt: null } });

/** How long a delete that failed is left alone before the next one is asked for. */
const ASK_AGAIN_AFTER = minutes(5);

/** Whether a delete of the cluster is under way, or failed so lately that another would meet the same fault. */
async function deleteIsUnderWay(tx: Transaction, subject: string, now: Date): Promise<boolean> {
  const latest = await tx.operation.findFirst({ where: { subject, lane: 'Delete' }, orderBy: { createdAt: 'desc' } });
  return latest !== null && (!latest.finishedAt || now.getTime() - latest.finishedAt.getTime() < ASK_AGAIN_AFTER);
}

/** Who asked for the removal asks for the deletes too. */
function requesterOf({ operation }: Pick<Step, 'operation'>): Requester {
  const [tenantId = '', objectId = ''] = operation.requestedBy.split('/');
  return { tenantId, objectId, groupIds: [], correlationId: operation.correlationId ?? operation.id };
}

/** Asks for the delete of one cluster unless it is under way or done. Gives the operation to ring for. */
async function requestDelete(
  tx: Transaction,
  { id, installationId, name }: Cluster,
  step: Pick<Step, 'operation' | 'clock'>,
): Promise<Operation | undefined> {
  await tx.$queryRaw`SELECT id FROM clusters WHERE id = ${id}::uuid FOR UPDATE`;
  const subject = clusterSubject(id);
  if (await deleteIsUnderWay(tx, subject, step.clock.now())) return undefined;
  if (!(await moveProvisioningState(tx, id, 'Deleting'))) return undefined;
  const requester = requesterOf(step);
  const request = {
    kind: OPERATION_KINDS.deleteCluster,
    subject,
    clusterId: id,
    installationId,
    lane: 'Delete' as const,
    input: {},
    requestedBy: nameOf(requester),
    correlationId: requester.correlationId,
  };
  const requested = await requestOperation(tx, request, step.clock);
  const ids = { installationId, clusterId: id, operationId: requested.id };
  await recordAudit(tx, requester, { action: requested.kind, ...ids, detail: { name } });
  const message = 'Deletion was requested because the managed application was deleted.';
  await recordClusterEvent(tx, { clusterId: id, operationId: requested.id, type: 'DeleteRequested', message });
  return requested;
}

async function requestDeletes(step: Step, clusters: readonly Cluster[]): Promise<void> {
  const { database, bell } = step;
  for (const cluster of clusters) {
    const requested = await database.prisma.$transaction((tx) => requestDelete(tx, cluster, step));
    if (requested) await bell.ring(requested);
  }
}

export async function requestClusterDeletes(step: Step) {
  await requestDeletes(step, await livingClusters(step, applicationIdOf(step)));
  return done();
}

/** Each look asks again for what lives without a delete: one that failed, or a cluster whose create was just being stored. */
export async function everyClusterIsDeleted(step: Step) {
  const left = await livingClusters(step, applicationIdOf(step));
  if (left.length === 0) return done();
  await requestDeletes(step, left);
  return waitFor(`The clusters are being deleted (${left.length} left)`, azureLook(sinceStart(step), step.clock.now()));
}

/** The storage of snapshots that were kept went with the application: their records and keys go too. */
async function forgetSnapshots(tx: Transaction, { secrets, clock }: Step, applicationId: string): Promise<void> {
  const installation = await tx.installation.findUnique({ where: { applicationId }, select: { id: true } });
  if (!installation) return;
  const lost = { installationId: installation.id, deletedAt: null };
  const snapshots = await tx.snapshot.findMany({ where: lost, distinct: ['clusterId'], select: { clusterId: true } });
  for (const { clusterId } of snapshots) await secrets.destroyOwner(snapshotSecretsOwner(clusterId), tx);
  await tx.snapshot.updateMany({ where: lost, data: { deletedAt: clock.now() } });
}

/** The installation's row stays as history; nobody has a role on it any more. */
export async function recordRemovedInstallation(step: Step) {
  const applicationId = applicationIdOf(step);
  return done(undefined, async (tx) => {
    await forgetSnapshots(tx, step, applicationId);
    await tx.roleAssignment.deleteMany({ where: { installation: { applicationId } } });
    await tx.installation.updateMany({ where: { applicationId }, data: { state: 'Deleted', frontDoorSecretHash: null } });
  });
}
