import type { Database } from '@managed-consul/database';
import type { ClusterRecord } from './services';

/** The cluster with its place and its servers as they are now; undefined when there is no row of it. */
export async function findClusterRecord({ prisma }: Database, clusterId: string): Promise<ClusterRecord | undefined> {
  const found = await prisma.cluster.findUnique({
    where: { id: clusterId },
    include: { installation: true, serverRecords: true, federation: true },
  });
  if (!found) return undefined;
  // In the order of their numbers: what is computed from all servers must not change from look to look.
  const servers = found.serverRecords.sort((one, other) =>
    one.instanceId.localeCompare(other.instanceId, 'en', { numeric: true }),
  );
  const isMember = ({ membership }: (typeof servers)[number]) => membership === 'Member';
  return { ...found, serverRecords: servers.filter(isMember), unfinishedServers: servers.filter((one) => !isMember(one)) };
}
