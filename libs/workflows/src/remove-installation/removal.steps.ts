import {
  clusterSubject,
  moveProvisioningState,
  OPERATION_KINDS,
  recordClusterEvent,
  type RemoveInstallationInput,
} from '@managed-consul/clusters';
import type { Cluster, Transaction } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import { requestOperation, type Operation } from '@managed-consul/operations';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Step } from '../services';
import { azureLook } from '../shared-steps/delays';
import { applicationIsOutOfSight } from '../shared-steps/vanished-application';

const inputSchema = z.object({ applicationId: z.string() }) satisfies z.ZodType<RemoveInstallationInput>;
const applicationIdOf = ({ operation }: Pick<Step, 'operation'>): string => inputSchema.parse(operation.input).applicationId;

const sinceStart = ({ operation }: Pick<Step, 'operation'>): string => (operation.startedAt ?? operation.createdAt).toISOString();

/** Done when Azure no longer has the application. Who only says that it is deleted, deletes nothing. */
export async function applicationIsGone(step: Step) {
  const applicationId = applicationIdOf(step);
  if (await applicationIsOutOfSight(step.azure, applicationId)) return done();
  const application = await step.azure.managedApplications.find(applicationId);
  if (application && application.provisioningState !== 'Deleting') {
    throw new TerminalError('ApplicationNotDeleted', 'The managed application still exists in Azure, so nothing was removed.');
  }
  return waitFor('Azure is deleting the managed application', azureLook(sinceStart(step), step.clock.now()));
}

const livingClusters = ({ database }: Pick<Step, 'database'>, applicationId: string): Promise<Cluster[]> =>
  database.prisma.cluster.findMany({ where: { installation: { applicationId }, deletedAt: null } });

/** Asks for the delete of one cluster unless it is under way. Gives the operation to ring for. */
async function requestDelete(
  tx: Transaction,
  { id, installationId }: Cluster,
  { operation, clock }: Step,
): Promise<Operation | undefined> {
  await tx.$queryRaw`SELECT id FROM clusters WHERE id = ${id}::uuid FOR UPDATE`;
  const subject = clusterSubject(id);
  const underWay = await tx.operation.count({ where: { subject, lane: 'Delete', state: { in: ['Pending', 'Running'] } } });
  if (underWay > 0) return undefined;
  await moveProvisioningState(tx, id, 'Deleting');
  const { requestedBy, correlationId } = operation;
  const request = {
    kind: OPERATION_KINDS.deleteCluster,
    subject,
    clusterId: id,
    installationId,
    lane: 'Delete' as const,
    input: {},
    requestedBy,
  };
  const requested = await requestOperation(tx, { ...request, ...(correlationId ? { correlationId } : {}) }, clock);
  const message = 'Deletion was requested because the managed application was deleted.';
  await recordClusterEvent(tx, { clusterId: id, operationId: requested.id, type: 'DeleteRequested', message });
  return requested;
}

export async function requestClusterDeletes(step: Step) {
  const { database, bell } = step;
  for (const cluster of await livingClusters(step, applicationIdOf(step))) {
    const requested = await database.prisma.$transaction((tx) => requestDelete(tx, cluster, step));
    if (requested) await bell.ring(requested);
  }
  return done();
}

export async function everyClusterIsDeleted(step: Step) {
  const left = await livingClusters(step, applicationIdOf(step));
  if (left.length === 0) return done();
  return waitFor(`The clusters are being deleted (${left.length} left)`, azureLook(sinceStart(step), step.clock.now()));
}

/** The installation's row stays as history; nobody has a role on it any more. */
export async function recordRemovedInstallation(step: Step) {
  const applicationId = applicationIdOf(step);
  return done(undefined, async (tx) => {
    await tx.roleAssignment.deleteMany({ where: { installation: { applicationId } } });
    await tx.installation.updateMany({ where: { applicationId }, data: { state: 'Deleted' } });
  });
}
