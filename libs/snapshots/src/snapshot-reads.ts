import { findRole, requireRole, requireWritable, visibleTo, type Caller } from '@managed-consul/access';
import type { ListPosition } from '@managed-consul/clusters';
import type { AccessRole, Database, Prisma, Snapshot, Transaction } from '@managed-consul/database';

/**
 * The snapshot, if the caller has at least the role `needed` on the installation that it belongs to, whether or not its cluster
 * is still there. Deleted snapshots count as gone. Throws ResourceNotFound or AuthorizationFailed, and TenantSuspended for whoever
 * needs more than to read.
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
  if (needed !== 'Reader') await requireWritable(database, caller, snapshot.installationId);
  return snapshot;
}

/** Whose snapshots: of one cluster, which may be gone, of everything in an installation, or of every installation. */
export type SnapshotListQuery = ({ clusterId: string } | { installationId?: string }) & {
  after?: ListPosition | undefined;
  limit: number;
};

/** Which snapshots are meant, as a condition. Refuses with ResourceNotFound what the caller has no role on. */
async function visibleIn({ prisma }: Database, caller: Caller, query: SnapshotListQuery): Promise<Prisma.SnapshotWhereInput> {
  if ('clusterId' in query) {
    const { clusterId } = query;
    const cluster = await prisma.cluster.findUnique({ where: { id: clusterId }, select: { installationId: true } });
    const role = cluster ? await findRole(prisma, caller, cluster.installationId) : undefined;
    requireRole(role, 'Reader', `cluster ${clusterId}`);
    return { clusterId };
  }
  const { installationId } = query;
  if (installationId === undefined) {
    const visible = await prisma.installation.findMany({ where: visibleTo(caller), select: { id: true } });
    return { installationId: { in: visible.map(({ id }) => id) } };
  }
  requireRole(await findRole(prisma, caller, installationId), 'Reader', `installation ${installationId}`);
  return { installationId };
}

/** Snapshots that are not deleted, the newest first, those of clusters that are gone too. Throws ResourceNotFound. */
export async function listSnapshots(database: Database, caller: Caller, query: SnapshotListQuery): Promise<Snapshot[]> {
  const visible = await visibleIn(database, caller, query);
  const { after } = query;
  return database.prisma.snapshot.findMany({
    where: {
      deletedAt: null,
      ...visible,
      ...(after ? { OR: [{ createdAt: { lt: after.createdAt } }, { createdAt: after.createdAt, id: { lt: after.id } }] } : {}),
    },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: query.limit,
  });
}
