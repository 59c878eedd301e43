import type { Database, UsageEmission, UsageMismatch, UsageRecord } from '@managed-consul/database';

/** Rows of the ledger, the newest first. */
export function findUsageRecords(
  { prisma }: Database,
  query: {
    clusterId?: string | undefined;
    installationId?: string | undefined;
    from?: Date | undefined;
    to?: Date | undefined;
    before?: bigint | undefined;
    limit: number;
  },
): Promise<UsageRecord[]> {
  const { clusterId, installationId, from, to, before, limit } = query;
  return prisma.usageRecord.findMany({
    where: {
      ...(clusterId ? { clusterId } : {}),
      ...(installationId ? { installationId } : {}),
      hour: { ...(from ? { gte: from } : {}), ...(to ? { lt: to } : {}) },
      ...(before === undefined ? {} : { id: { lt: before } }),
    },
    orderBy: { id: 'desc' },
    take: limit,
  });
}

/** What Azure was told, or is to be told, the newest first. */
export function findEmissions(
  { prisma }: Database,
  query: {
    installationId?: string | undefined;
    state?: UsageEmission['state'] | undefined;
    before?: string | undefined;
    limit: number;
  },
): Promise<UsageEmission[]> {
  const { installationId, state, before, limit } = query;
  return prisma.usageEmission.findMany({
    where: {
      ...(installationId ? { installationId } : {}),
      ...(state ? { state } : {}),
      ...(before ? { id: { lt: before } } : {}),
    },
    orderBy: { id: 'desc' },
    take: limit,
  });
}

/** Days for which Azure's report says other than the service knows, the newest first; a thousand at most. */
export const findMismatches = ({ prisma }: Database): Promise<UsageMismatch[]> =>
  prisma.usageMismatch.findMany({ orderBy: [{ day: 'desc' }, { resourceId: 'asc' }, { dimension: 'asc' }], take: 1000 });
