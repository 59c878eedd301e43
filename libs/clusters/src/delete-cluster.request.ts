import { nameOf, recordAudit, type Requester } from '@managed-consul/access';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import { requestOperation } from '@managed-consul/operations';
import { clusterSubject, OPERATION_KINDS } from './cluster-names';
import { findUnfinished, lockCluster, recordClusterEvent } from './cluster-writes';
import { requireMatch } from './etag';
import { moveProvisioningState } from './provisioning-state';

export interface DeleteClusterWish {
  requester: Requester;
  clusterId: string;
  ifMatch?: string | undefined;
}

/**
 * Asks for a cluster to be deleted, whatever is being done to it: the unfinished change is marked for cancel in the same
 * transaction. Asked again, it gives the delete that is under way. Gives the operation's id, or undefined when the cluster
 * is deleted already. Throws ResourceNotFound, AuthorizationFailed, PreconditionFailed.
 */
export async function requestDeleteCluster(
  tx: Transaction,
  { requester, clusterId, ifMatch }: DeleteClusterWish,
  clock: Clock = systemClock,
): Promise<string | undefined> {
  const cluster = await lockCluster(tx, requester, clusterId, { deleted: true });
  if (cluster.deletedAt !== null) return undefined;
  const underWay = (await findUnfinished(tx, clusterId)).find((operation) => operation.lane === 'Delete');
  if (underWay) return underWay.id;
  requireMatch(ifMatch, cluster);
  await moveProvisioningState(tx, clusterId, 'Deleting');
  const operation = await requestOperation(
    tx,
    {
      kind: OPERATION_KINDS.deleteCluster,
      subject: clusterSubject(clusterId),
      clusterId,
      installationId: cluster.installationId,
      lane: 'Delete',
      input: {},
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
    detail: { name },
  });
  await recordClusterEvent(tx, {
    clusterId,
    operationId: operation.id,
    type: 'DeleteRequested',
    message: 'Deletion was requested.',
  });
  return operation.id;
}
