import { createHash } from 'node:crypto';
import type { Cluster, Prisma, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';

/** Which clusters: those that every given list allows. At least one list has to be given, so that nobody selects all by mistake. */
export interface ClusterSelection {
  regions?: string[] | undefined;
  consulVersions?: string[] | undefined;
  tenantIds?: string[] | undefined;
  planIds?: string[] | undefined;
  clusterIds?: string[] | undefined;
  exceptRegions?: string[] | undefined;
  exceptTenantIds?: string[] | undefined;
  exceptClusterIds?: string[] | undefined;
}

function where(selection: ClusterSelection): Prisma.ClusterWhereInput {
  const { regions, consulVersions, tenantIds, planIds, clusterIds } = selection;
  const { exceptRegions = [], exceptTenantIds = [], exceptClusterIds = [] } = selection;
  return {
    deletedAt: null,
    region: { ...(regions ? { in: regions } : {}), notIn: exceptRegions },
    ...(consulVersions ? { consulVersion: { in: consulVersions } } : {}),
    ...(planIds ? { planId: { in: planIds } } : {}),
    id: { ...(clusterIds ? { in: clusterIds } : {}), notIn: exceptClusterIds },
    installation: { tenantId: { ...(tenantIds ? { in: tenantIds } : {}), notIn: exceptTenantIds } },
  };
}

/** Another order for each rollout, and always the same for one: not the same customers are first each time. */
const lotOf = (seed: string, clusterId: string): string => createHash('sha256').update(`${seed}/${clusterId}`).digest('hex');

/**
 * The selected clusters that live and were ready once, in the order of their turn, which `seed` draws. Throws InvalidRequest
 * for a selection without any list, and for a cluster that is named and is not there.
 */
export async function selectClusters(tx: Transaction, selection: ClusterSelection, seed: string): Promise<Cluster[]> {
  if (Object.values(selection).every((list: unknown) => list === undefined)) {
    const message = 'Say which clusters: give at least one of the lists, e.g. regions.';
    throw new AppError('InvalidRequest', message, { target: 'selection' });
  }
  const found = await tx.cluster.findMany({ where: where(selection) });
  const missing = selection.clusterIds?.find((id) => !found.some((cluster) => cluster.id === id));
  if (missing !== undefined) {
    const message = `There is no living cluster ${missing} among those that the other lists allow.`;
    throw new AppError('InvalidRequest', message, { target: 'selection.clusterIds' });
  }
  return found
    .filter(({ observedConsulVersion }) => observedConsulVersion !== null)
    .map((cluster) => ({ cluster, lot: lotOf(seed, cluster.id) }))
    .sort((one, other) => (one.lot < other.lot ? -1 : 1))
    .map(({ cluster }) => cluster);
}
