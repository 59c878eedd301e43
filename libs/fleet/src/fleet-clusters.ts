import { CONDITION_TYPES } from '@managed-consul/clusters';
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

/** What is said of a cluster that somebody has to look at; that there is a newer version is not. */
const AMISS: Prisma.ClusterWhereInput[] = CONDITION_TYPES.filter((type) => type !== 'UpToDate').map((type) => ({
  conditions: { array_contains: [{ type, status: type === 'Degraded' ? 'True' : 'False' }] },
}));

async function healthFilter({ prisma }: Database, health: FleetClusterQuery['health']): Promise<Prisma.ClusterWhereInput> {
  if (!health) return {};
  const sick = await prisma.clusterFinding.findMany({ distinct: ['clusterId'], select: { clusterId: true } });
  const ids = sick.map(({ clusterId }) => clusterId);
  return health === 'unhealthy'
    ? { OR: [{ id: { in: ids } }, { provisioningState: 'Failed' }, ...AMISS] }
    : { id: { notIn: ids }, provisioningState: { not: 'Failed' }, AND: AMISS.map((one) => ({ NOT: one })) };
}

/** How many living clusters there are of each kind, the most first. */
export interface FleetCounts {
  readonly states: readonly FleetCount[];
  readonly regions: readonly FleetCount[];
  readonly versions: readonly FleetCount[];
}
export interface FleetCount {
  readonly value: string;
  readonly clusters: number;
}

/** Counts them by state, by region, and by the Consul version that they are to run. */
export async function countFleet({ prisma }: Database): Promise<FleetCounts> {
  const rows = await prisma.cluster.groupBy({
    by: ['provisioningState', 'region', 'consulVersion'],
    where: { deletedAt: null },
    _count: { _all: true },
  });
  const by = (property: 'provisioningState' | 'region' | 'consulVersion'): FleetCount[] => {
    const counts = new Map<string, number>();
    for (const row of rows) counts.set(row[property], (counts.get(row[property]) ?? 0) + row._count._all);
    return [...counts]
      .map(([value, clusters]) => ({ value, clusters }))
      .sort((one, other) => other.clusters - one.clusters || (one.value < other.value ? -1 : 1));
  };
  return { states: by('provisioningState'), regions: by('region'), versions: by('consulVersion') };
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
