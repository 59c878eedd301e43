import type { Database, Freeze, Transaction } from '@managed-consul/database';

/** What a cluster is frozen by: itself, its region, its customer, or all at once. */
interface Frozen {
  id: string;
  region: string;
  installationId: string;
}

/**
 * The freeze that keeps upgrades and maintenance from beginning at a cluster by themselves, the one that ends last; undefined when
 * there is none. It ends by itself. What a customer asks for, repairs, and rotations that are due before something expires go on.
 */
export async function findFreeze(
  database: Database['prisma'] | Transaction,
  { id, region, installationId }: Frozen,
  now: Date,
): Promise<Freeze | undefined> {
  const holds = { liftedAt: null, until: { gt: now } };
  if ((await database.freeze.count({ where: holds })) === 0) return undefined;
  const { tenantId } = await database.installation.findUniqueOrThrow({ where: { id: installationId } });
  const scopes = [
    { scope: 'All' as const },
    { scope: 'Region' as const, value: region },
    { scope: 'Tenant' as const, value: tenantId },
    { scope: 'Cluster' as const, value: id },
  ];
  const found = await database.freeze.findFirst({ where: { ...holds, OR: scopes }, orderBy: { until: 'desc' } });
  return found ?? undefined;
}
