import { nameOf, recordAudit, type Requester } from '@managed-consul/access';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Cluster, Prisma, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { requestOperation, type Operation } from '@managed-consul/operations';
import { clusterSubject, UPDATING_KINDS, type OperationKind } from './cluster-names';
import type { ClusterWithServers } from './cluster-reads';
import { lockCluster, recordClusterEvent, refuseWhileUnfinished } from './cluster-writes';
import { moveProvisioningState } from './provisioning-state';

/** A change of a cluster that runs, or did run, as an operation. */
export interface ClusterChange {
  kind: OperationKind;
  /** Plain JSON without secrets, as the workflow of `kind` reads it. */
  input: object;
  /** What the customer reads in the cluster's history: one word in CamelCase and a sentence. */
  event: { type: string; message: string };
}

/**
 * Who asked: a customer, one of the service's own schedules by its name, or an operator, whose audit entry with its reason is the
 * caller's to write.
 */
export type ChangeOrigin = { requester: Requester } | { schedule: string } | { operator: Requester };

/** How an operation names who asked for it. */
export function askedBy(origin: ChangeOrigin): { requestedBy: string; correlationId?: string } {
  if ('schedule' in origin) return { requestedBy: `schedule/${origin.schedule}` };
  if ('requester' in origin) return { requestedBy: nameOf(origin.requester), correlationId: origin.requester.correlationId };
  return { requestedBy: `operator/${origin.operator.objectId}`, correlationId: origin.operator.correlationId };
}

/**
 * Refuses with Conflict a change of a cluster that was never made, is being deleted, or is suspended, with what to do instead.
 * A cluster whose last change failed may be changed: the next operation starts from what it finds.
 */
export function requireManageable(cluster: Cluster, { suspended = false }: { suspended?: boolean } = {}): void {
  if (cluster.provisioningState === 'Deleting' || cluster.provisioningState === 'Deleted')
    throw new AppError('Conflict', 'The cluster is being deleted and takes no other changes.');
  if (cluster.observedConsulVersion === null)
    throw new AppError(
      'Conflict',
      `The cluster is ${cluster.provisioningState} and was never ready. Wait for its create, or delete it.`,
    );
  if (!suspended && cluster.powerState === 'Suspended')
    throw new AppError('Conflict', 'The cluster is suspended. Resume it first.');
}

/**
 * Records a change of a cluster whose row the caller has locked: the move to Updating where the kind calls for it, the
 * operation, the audit entry and the event. Ring the bell for the operation after the commit. Throws OperationInProgress.
 */
export async function recordClusterChange(
  tx: Transaction,
  cluster: Pick<Cluster, 'id' | 'installationId'>,
  { kind, input, event }: ClusterChange,
  origin: ChangeOrigin,
  clock: Clock = systemClock,
): Promise<Operation> {
  const { id: clusterId, installationId } = cluster;
  await refuseWhileUnfinished(tx, clusterId);
  if (UPDATING_KINDS.includes(kind)) await moveProvisioningState(tx, clusterId, 'Updating');
  const operation = await requestOperation(
    tx,
    {
      ...{ kind, subject: clusterSubject(clusterId), clusterId, installationId, lane: 'Change' as const, input },
      ...askedBy(origin),
    },
    clock,
  );
  if ('requester' in origin) {
    const detail = input as Prisma.InputJsonObject;
    const entry = { action: kind, installationId, clusterId, operationId: operation.id, detail };
    await recordAudit(tx, origin.requester, entry);
  }
  await recordClusterEvent(tx, { clusterId, operationId: operation.id, ...event });
  return operation;
}

/**
 * A customer's change: `decide` looks at the locked cluster and gives the change, or throws an AppError that says what is
 * wrong with it. Throws ResourceNotFound, AuthorizationFailed, Conflict, OperationInProgress.
 */
export async function requestClusterChange(
  tx: Transaction,
  { requester, clusterId, suspended = false }: { requester: Requester; clusterId: string; suspended?: boolean },
  decide: (cluster: ClusterWithServers) => ClusterChange | Promise<ClusterChange>,
  clock: Clock = systemClock,
): Promise<Operation> {
  const cluster = await lockCluster(tx, requester, clusterId);
  await refuseWhileUnfinished(tx, clusterId);
  requireManageable(cluster, { suspended });
  return recordClusterChange(tx, cluster, await decide(cluster), { requester }, clock);
}
