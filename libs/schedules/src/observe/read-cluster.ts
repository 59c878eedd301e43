import type { Database } from '@managed-consul/database';
import { findClusterRecord, type ClusterRecord } from '@managed-consul/workflows';

/** The cluster with its servers and its place; undefined when it is gone or was never ready. */
export async function readCluster(database: Database, clusterId: string): Promise<ClusterRecord | undefined> {
  const cluster = await findClusterRecord(database, clusterId);
  const isThere = cluster && cluster.deletedAt === null && cluster.observedConsulVersion !== null;
  return isThere ? cluster : undefined;
}
