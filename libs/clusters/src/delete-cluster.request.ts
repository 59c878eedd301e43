import { randomUUID } from 'node:crypto';
import { nameOf, recordAudit, type Requester } from '@managed-consul/access';
import { hours, systemClock, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Cluster, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { requestOperation } from '@managed-consul/operations';
import { requireManageable } from './cluster-change.request';
import { clusterSubject, OPERATION_KINDS, type DeleteClusterInput } from './cluster-names';
import { findUnfinished, lockCluster, recordClusterEvent } from './cluster-writes';
import { requireMatch } from './etag';
import { refuseWhileSecondariesLive } from './federation-membership';
import { moveProvisioningState } from './provisioning-state';

export interface DeleteClusterWish {
  requester: Requester;
  clusterId: string;
  ifMatch?: string | undefined;
  /** Whether a last snapshot is taken before anything is removed; without it the delete fails and removes nothing. Off. */
  finalSnapshot?: boolean | undefined;
  /** Whether VERIFIED snapshots stay until their retention ends. On. */
  keepSnapshots?: boolean | undefined;
}

/** A final snapshot of a delete that failed this short a time ago need not be taken again; its servers may be gone. */
const FINAL_SNAPSHOT_COUNTS_FOR: Milliseconds = hours(1);

async function decideInput(
  tx: Transaction,
  cluster: Cluster,
  { finalSnapshot = false, keepSnapshots = true }: DeleteClusterWish,
  now: Date,
): Promise<DeleteClusterInput> {
  if (!finalSnapshot) return { finalSnapshotId: null, keepSnapshots };
  if (!keepSnapshots) {
    const message = 'A final snapshot cannot be taken and not be kept. Leave keepSnapshots out, or ask for no final snapshot.';
    throw new AppError('InvalidRequest', message, { target: 'keepSnapshots' });
  }
  requireManageable(cluster);
  const lately = new Date(now.getTime() - FINAL_SNAPSHOT_COUNTS_FOR);
  const final = { clusterId: cluster.id, kind: 'FINAL' as const, state: 'VERIFIED' as const, deletedAt: null };
  const taken = await tx.snapshot.count({ where: { ...final, verifiedAt: { gt: lately } } });
  return { finalSnapshotId: taken > 0 ? null : randomUUID(), keepSnapshots };
}

/**
 * Asks for a cluster to be deleted, whatever is being done to it: the unfinished change is marked for cancel in the same
 * transaction. Asked again, it gives the delete that is under way. Gives the operation's id, or undefined when the cluster
 * is deleted already. Throws ResourceNotFound, AuthorizationFailed, PreconditionFailed, FederationHasSecondaries, and for a
 * final snapshot InvalidRequest or Conflict.
 */
export async function requestDeleteCluster(
  tx: Transaction,
  wish: DeleteClusterWish,
  clock: Clock = systemClock,
): Promise<string | undefined> {
  const { requester, clusterId, ifMatch } = wish;
  const cluster = await lockCluster(tx, requester, clusterId, { deleted: true });
  if (cluster.deletedAt !== null) return undefined;
  const underWay = (await findUnfinished(tx, clusterId)).find((operation) => operation.lane === 'Delete');
  if (underWay) return underWay.id;
  requireMatch(ifMatch, cluster);
  await refuseWhileSecondariesLive(tx, clusterId);
  const input = await decideInput(tx, cluster, wish, clock.now());
  await moveProvisioningState(tx, clusterId, 'Deleting');
  const operation = await requestOperation(
    tx,
    {
      kind: OPERATION_KINDS.deleteCluster,
      subject: clusterSubject(clusterId),
      clusterId,
      installationId: cluster.installationId,
      lane: 'Delete',
      input,
      requestedBy: nameOf(requester),
      correlationId: requester.correlationId,
    },
    clock,
  );
  const { installationId, name } = cluster;
  await recordAudit(tx, requester, {
    action: operation.kind,
    installationId,
    clusterId,
    operationId: operation.id,
    detail: { name, finalSnapshot: input.finalSnapshotId !== null, keepSnapshots: input.keepSnapshots },
  });
  await recordClusterEvent(tx, {
    clusterId,
    operationId: operation.id,
    type: 'DeleteRequested',
    message: 'Deletion was requested.',
  });
  return operation.id;
}
