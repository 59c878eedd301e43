import type { Cluster, Database, Installation, Prisma } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';

/** A cluster of any customer, with where it is and how many things are wrong with it. */
export type FleetCluster = Cluster & {
  installation: Pick<Installation, 'tenantId' | 'subscriptionId' | 'resourceGroup'>;
  findings: number;
};

/** Which clusters; what is left out does not narrow. */
export interface FleetClusterQuery {
  tenantId?: string | undefined;
  subscriptionId?: string | undefined;
  region?: string | undefined;
  consulVersion?: string | undefined;
  provisioningState?: Cluster['provisioningState'] | undefined;
  name?: string | undefined;
  health?: 'healthy' | 'unhealthy' | undefined;
  createdBefore?: Date | undefined;
  deleted?: boolean;
  after?: { createdAt: Date; id: string } | undefined;
  limit: number;
}

const place = { installation: { select: { tenantId: true, subscriptionId: true, resourceGroup: true } } } as const;

async function findingsOf({ prisma }: Database, ids: readonly string[]): Promise<Map<string, number>> {
  const groups = await prisma.clusterFinding.groupBy({
    by: ['clusterId'],
    where: { clusterId: { in: [...ids] } },
    _count: { _all: true },
  });
  return new Map(groups.map(({ clusterId, _count }) => [clusterId, _count._all]));
}

async function healthFilter({ prisma }: Database, health: FleetClusterQuery['health']): Promise<Prisma.ClusterWhereInput> {
  if (!health) return {};
  const sick = await prisma.clusterFinding.findMany({ distinct: ['clusterId'], select: { clusterId: true } });
  const ids = sick.map(({ clusterId }) => clusterId);
  return health === 'unhealthy'
    ? { OR: [{ id: { in: ids } }, { provisioningState: 'Failed' }] }
    : { id: { notIn: ids }, provisioningState: { not: 'Failed' } };
}

/** Clusters of all customers, the newest first. */
export async function findFleetClusters(database: Database, query: FleetClusterQuery): Promise<FleetCluster[]> {
  const { tenantId, subscriptionId, name, health, createdBefore, deleted = false, after, limit, ...equal } = query;
  const conditions: Prisma.ClusterWhereInput[] = [
    await healthFilter(database, health),
    after ? { OR: [{ createdAt: { lt: after.createdAt } }, { createdAt: after.createdAt, id: { lt: after.id } }] } : {},
    createdBefore ? { createdAt: { lt: createdBefore } } : {},
    tenantId ? { installation: { tenantId } } : {},
    subscriptionId ? { installation: { subscriptionId } } : {},
    name ? { name: { contains: name, mode: 'insensitive' } } : {},
    deleted ? {} : { deletedAt: null },
  ];
  const rows = await database.prisma.cluster.findMany({
    where: { ...equal, AND: conditions },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: limit,
    include: place,
  });
  const findings = await findingsOf(
    database,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => ({ ...row, findings: findings.get(row.id) ?? 0 }));
}

/** One cluster, a deleted one too. Throws ResourceNotFound. */
export async function getFleetCluster(database: Database, id: string): Promise<FleetCluster> {
  const row = await database.prisma.cluster.findUnique({ where: { id }, include: place });
  if (!row) throw new AppError('ResourceNotFound', `There is no cluster ${id}.`);
  return { ...row, findings: (await findingsOf(database, [id])).get(id) ?? 0 };
}
