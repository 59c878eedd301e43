import { recordAudit, type Requester } from '@managed-consul/access';
import type { Transaction } from '@managed-consul/database';
import type { ErrorDetail } from '@managed-consul/errors';
import type { ClusterWithServers } from './cluster-reads';
import { lockCluster, recordClusterEvent, refuseWhileUnfinished } from './cluster-writes';
import { refusalOf } from './create-cluster.problems';
import { requireMatch } from './etag';
import { emailProblems } from './spec-problems';
import { tagProblems } from './tag-problems';

/** A change of what can be changed at once, without touching anything in Azure. What is undefined stays. */
export interface UpdateClusterWish {
  requester: Requester;
  clusterId: string;
  tags?: Record<string, string> | undefined;
  email?: string | undefined;
  shapeProblems?: readonly ErrorDetail[];
  ifMatch?: string | undefined;
}

/**
 * Changes tags and email in place. Throws ResourceNotFound, AuthorizationFailed, PreconditionFailed, InvalidRequest with every
 * problem, and OperationInProgress while an operation works on the cluster.
 */
export async function updateCluster(tx: Transaction, wish: UpdateClusterWish): Promise<ClusterWithServers> {
  const { requester, clusterId, tags, email } = wish;
  const cluster = await lockCluster(tx, requester, clusterId);
  const problems = [...(wish.shapeProblems ?? []), ...tagProblems(tags), ...emailProblems(email)];
  if (problems.length > 0) throw refusalOf(problems, 'The cluster cannot be changed as asked');
  requireMatch(wish.ifMatch, cluster);
  await refuseWhileUnfinished(tx, clusterId);
  const changed = [...(tags === undefined ? [] : ['tags']), ...(email === undefined ? [] : ['email'])];
  if (changed.length === 0) return cluster;
  await recordAudit(tx, requester, {
    action: 'update-cluster',
    installationId: cluster.installationId,
    clusterId,
    detail: { changed, ...(tags === undefined ? {} : { tags }) },
  });
  await recordClusterEvent(tx, { clusterId, type: 'Updated', message: `Changed: ${changed.join(' and ')}.` });
  return tx.cluster.update({
    where: { id: clusterId },
    data: { revision: { increment: 1 }, ...(tags === undefined ? {} : { tags }), ...(email === undefined ? {} : { email }) },
    include: { serverRecords: { orderBy: { name: 'asc' } } },
  });
}
