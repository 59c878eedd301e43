import type { Requester } from '@managed-consul/access';
import type { Operation as OperationRow, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { clusterSubject } from './cluster-names';
import { getCluster, type ClusterWithServers } from './cluster-reads';

/**
 * The cluster, locked until the transaction ends, so that what is decided about it stays true until it is stored. Needs the
 * role Contributor. Throws ResourceNotFound or AuthorizationFailed.
 */
export async function lockCluster(
  tx: Transaction,
  requester: Requester,
  clusterId: string,
  options: { deleted?: boolean } = {},
): Promise<ClusterWithServers> {
  await tx.$queryRaw`SELECT id FROM clusters WHERE id = ${clusterId}::uuid FOR UPDATE`;
  return getCluster(tx, requester, clusterId, { needed: 'Contributor', ...options });
}

/** The unfinished operations of a cluster, the oldest first. */
export const findUnfinished = (tx: Transaction, clusterId: string): Promise<OperationRow[]> =>
  tx.operation.findMany({
    where: { subject: clusterSubject(clusterId), state: { in: ['Pending', 'Running'] } },
    orderBy: { createdAt: 'asc' },
  });

/** Refuses with OperationInProgress, naming the operation, while one is unfinished. */
export async function refuseWhileUnfinished(tx: Transaction, clusterId: string): Promise<void> {
  const [blocker] = await findUnfinished(tx, clusterId);
  if (!blocker) return;
  const since = blocker.createdAt.toISOString();
  const message = `Operation ${blocker.id} (${blocker.kind}), requested at ${since}, is not finished. Wait for it, then try again.`;
  throw new AppError('OperationInProgress', message, { target: blocker.id, retryAfterSeconds: 10 });
}

/** Tells the customer what happened to a cluster. */
export async function recordClusterEvent(
  tx: Transaction,
  event: { clusterId: string; operationId?: string; type: string; message: string },
): Promise<void> {
  await tx.clusterEvent.create({ data: { ...event, operationId: event.operationId ?? null } });
}
