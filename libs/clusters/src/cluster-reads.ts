import { assignmentsOf, requireGoodStanding, requireRole, strongestRole, visibleTo, type Caller } from '@managed-consul/access';
import type { AccessRole, Cluster, ClusterEvent, Database, Prisma, Server, Transaction } from '@managed-consul/database';

/** Where a page of a list begins: behind the row that the page before ended with. */
export interface ListPosition {
  createdAt: Date;
  id: string;
}

export type ClusterWithServers = Cluster & { serverRecords: Server[] };

const withAssignments = (caller: Caller) => ({
  installation: { include: { roleAssignments: { where: assignmentsOf(caller) } } },
});

/**
 * The cluster, if the caller has at least the role `needed` on its installation. Deleted clusters count as gone unless
 * `deleted` says otherwise. Who needs more than to read is going to write, unless `reads` says otherwise. Throws ResourceNotFound,
 * AuthorizationFailed, or TenantSuspended for a write.
 */
export async function getCluster(
  database: Database['prisma'] | Transaction,
  caller: Caller,
  clusterId: string,
  {
    needed = 'Reader',
    deleted = false,
    reads = needed === 'Reader',
  }: { needed?: AccessRole; deleted?: boolean; reads?: boolean } = {},
): Promise<ClusterWithServers> {
  const row = await database.cluster.findUnique({
    where: { id: clusterId },
    include: { ...withAssignments(caller), serverRecords: { orderBy: { name: 'asc' } } },
  });
  const visible = row && (deleted || row.deletedAt === null) ? row : undefined;
  const role = strongestRole(visible?.installation.roleAssignments.map((assignment) => assignment.role) ?? []);
  requireRole(role, visible ? needed : 'Reader', `cluster ${clusterId}`);
  if (!visible) throw new Error('A cluster that is not there was allowed.');
  const { installation, ...cluster } = visible;
  if (!reads) await requireGoodStanding(database, installation.tenantId, caller.tenantId);
  return cluster;
}

/** Behind `position` in the order newest first. */
const behind = (position: ListPosition | undefined): Prisma.ClusterWhereInput =>
  position ? { OR: [{ createdAt: { lt: position.createdAt } }, { createdAt: position.createdAt, id: { lt: position.id } }] } : {};

/** Living clusters that the caller may see, the newest first. */
export async function listClusters(
  database: Database,
  caller: Caller,
  query: { installationId?: string | undefined; after?: ListPosition | undefined; limit: number },
): Promise<ClusterWithServers[]> {
  return database.prisma.cluster.findMany({
    where: {
      deletedAt: null,
      ...(query.installationId ? { installationId: query.installationId } : {}),
      installation: visibleTo(caller),
      ...behind(query.after),
    },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: query.limit,
    include: { serverRecords: { orderBy: { name: 'asc' } } },
  });
}

/** What happened to a cluster, the newest first. `before` is the id of the last event already seen. */
export async function listClusterEvents(
  database: Database,
  query: { clusterId: string; before?: bigint | undefined; limit: number },
): Promise<ClusterEvent[]> {
  return database.prisma.clusterEvent.findMany({
    where: { clusterId: query.clusterId, ...(query.before === undefined ? {} : { id: { lt: query.before } }) },
    orderBy: { id: 'desc' },
    take: query.limit,
  });
}
