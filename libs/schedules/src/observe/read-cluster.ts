import type { Database } from '@managed-consul/database';
import type { ClusterRecord } from '@managed-consul/workflows';

/** The cluster with its servers and its place; undefined when it is gone or was never ready. */
export async function readCluster({ prisma }: Database, clusterId: string): Promise<ClusterRecord | undefined> {
  const cluster = await prisma.cluster.findUnique({
    where: { id: clusterId },
    include: { installation: true, serverRecords: { orderBy: { name: 'asc' } } },
  });
  const isThere = cluster && cluster.deletedAt === null && cluster.observedConsulVersion !== null;
  return isThere ? cluster : undefined;
}
