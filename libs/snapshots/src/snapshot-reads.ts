import { findRole, requireRole, type Caller } from '@managed-consul/access';
import type { ListPosition } from '@managed-consul/clusters';
import type { AccessRole, Database, Snapshot, Transaction } from '@managed-consul/database';

/**
 * The snapshot, if the caller has at least the role `needed` on the installation that it belongs to, whether or not its cluster
 * is still there. Deleted snapshots count as gone. Throws ResourceNotFound or AuthorizationFailed.
 */
export async function getSnapshot(
  database: Database['prisma'] | Transaction,
  caller: Caller,
  snapshotId: string,
  { needed = 'Reader' }: { needed?: AccessRole } = {},
): Promise<Snapshot> {
  const found = await database.snapshot.findUnique({ where: { id: snapshotId } });
  const snapshot = found?.deletedAt === null ? found : undefined;
  const role = snapshot && (await findRole(database, caller, snapshot.installationId));
  requireRole(role, snapshot ? needed : 'Reader', `snapshot ${snapshotId}`);
  if (!snapshot) throw new Error('A snapshot that is not there was allowed.');
  return snapshot;
}

/** Whose snapshots: of one cluster, which may be gone, or of everything in an installation. */
export type SnapshotListQuery = ({ clusterId: string } | { installationId: string }) & {
  after?: ListPosition | undefined;
  limit: number;
};

/** Refuses with ResourceNotFound what the caller has no role on. */
async function requireVisible(database: Database, caller: Caller, query: SnapshotListQuery): Promise<void> {
  if ('installationId' in query) {
    const role = await findRole(database.prisma, caller, query.installationId);
    return requireRole(role, 'Reader', `installation ${query.installationId}`);
  }
  const cluster = await database.prisma.cluster.findUnique({
    where: { id: query.clusterId },
    select: { installationId: true },
  });
  const role = cluster ? await findRole(database.prisma, caller, cluster.installationId) : undefined;
  requireRole(role, 'Reader', `cluster ${query.clusterId}`);
}

/** Snapshots that are not deleted, the newest first, those of clusters that are gone too. Throws ResourceNotFound. */
export async function listSnapshots(database: Database, caller: Caller, query: SnapshotListQuery): Promise<Snapshot[]> {
  await requireVisible(database, caller, query);
  const { after } = query;
  return database.prisma.snapshot.findMany({
    where: {
      deletedAt: null,
      ...('clusterId' in query ? { clusterId: query.clusterId } : { installationId: query.installationId }),
      ...(after ? { OR: [{ createdAt: { lt: after.createdAt } }, { createdAt: after.createdAt, id: { lt: after.id } }] } : {}),
    },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: query.limit,
  });
}
