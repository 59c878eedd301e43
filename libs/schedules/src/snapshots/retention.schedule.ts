import { hours, minutes, type Milliseconds } from '@managed-consul/config';
import { AppError } from '@managed-consul/errors';
import { lockSnapshotRow, recordDeleteSnapshot, snapshotsToRemove } from '@managed-consul/snapshots';
import type { ScheduleDependencies, ScheduleFactory } from '../schedule';

/** Snapshots are kept for days: to the hour is exact enough. */
const LOOK_EVERY: Milliseconds = hours(1);
/** A delete that failed is asked for again after this long. */
const ASK_AGAIN: Milliseconds = minutes(10);

/** Asks for one snapshot to go, unless something uses it now. Gives whether it is on its way. */
async function letGo({ database, bell, clock }: ScheduleDependencies, snapshotId: string): Promise<boolean> {
  try {
    const operation = await database.prisma.$transaction(async (tx) => {
      await lockSnapshotRow(tx, snapshotId);
      const snapshot = await tx.snapshot.findUnique({ where: { id: snapshotId, deletedAt: null } });
      return snapshot && recordDeleteSnapshot(tx, snapshot, { schedule: 'retention' }, clock);
    });
    if (operation) void bell.ring({ wakeNumber: 0, ...operation });
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'OperationInProgress') return false;
    throw error;
  }
}

/**
 * Lets snapshots go whose time is over or that are too many, also those of clusters that are gone; ends with the last of them.
 * A removal that failed is asked for again.
 */
export const retentionSchedule: ScheduleFactory = (dependencies) => ({
  kind: 'retention',
  run: async (clusterId, { now }) => {
    const { prisma } = dependencies.database;
    const cluster = await prisma.cluster.findUnique({ where: { id: clusterId } });
    if (!cluster) return undefined;
    const rows = await prisma.snapshot.findMany({ where: { clusterId, deletedAt: null } });
    if (cluster.deletedAt !== null && rows.length === 0) return undefined;
    const rule = { now, count: cluster.snapshotRetentionCount, living: cluster.deletedAt === null };
    const stuck = rows.filter(({ state }) => state === 'DELETING');
    const gone = await Promise.all([...snapshotsToRemove(rows, rule), ...stuck].map(({ id }) => letGo(dependencies, id)));
    const isDone = gone.every(Boolean) && stuck.length === 0;
    return new Date(now.getTime() + (isDone ? LOOK_EVERY : ASK_AGAIN));
  },
});
