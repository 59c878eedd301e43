import { OPERATION_KINDS, UPDATING_KINDS, type Finding } from '@managed-consul/clusters';
import type { Services } from '../services';

/**
 * A repair takes a dead server out before it puts a new one in. One that failed between leaves an even number of servers, which
 * nobody has asked for: the service offers 1, 3 and 5.
 */
export async function lookForMissingServers({ database, cluster }: Pick<Services, 'database' | 'cluster'>): Promise<Finding[]> {
  const count = cluster.serverRecords.length;
  if (count % 2 === 1) return [];
  const last = await database.prisma.operation.findFirst({
    where: { clusterId: cluster.id, kind: { in: [...UPDATING_KINDS] }, finishedAt: { not: null } },
    orderBy: { finishedAt: 'desc' },
    select: { kind: true },
  });
  if (last?.kind !== OPERATION_KINDS.repairCluster) return [];
  const message = `The cluster has ${count} servers in place of ${count + 1}, because a repair did not come to its end.`;
  return [{ reason: 'ServerMissing', about: '', message }];
}
