import { hours, minutes, type Milliseconds } from '@managed-consul/config';
import type { Database, Snapshot, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { lockSnapshotRow, recordDeleteSnapshot, snapshotsToRemove } from '@managed-consul/snapshots';
import type { ScheduleDependencies, ScheduleFactory } from '../schedule';

/** Snapshots are kept for days: to the hour is exact enough. */
const LOOK_EVERY: Milliseconds = hours(1);
/** A delete that failed is asked for again after this long. */
const ASK_AGAIN: Milliseconds = minutes(10);

/** The snapshots that are to be on their way out, as things are in `tx`; undefined when nothing is left to look after. */
async function findGoing(tx: Transaction | Database['prisma'], clusterId: string, now: Date) {
  const cluster = await tx.cluster.findUnique({ where: { id: clusterId } });
  if (!cluster) return undefined;
  const rows = await tx.snapshot.findMany({ where: { clusterId, deletedAt: null } });
  const living = cluster.deletedAt === null;
  if (!living && rows.length === 0) return undefined;
  const stuck = rows.filter(({ state }) => state === 'DELETING');
  return { stuck, going: [...snapshotsToRemove(rows, { now, count: cluster.snapshotRetentionCount, living }), ...stuck] };
}

/**
 * Asks for one snapshot to go, unless something uses it now. Decides again once nobody else can change the cluster's snapshots:
 * since the look another may have gone or been found bad, and this one may be the last good one. Gives whether no more is to be
 * done about it.
 */
async function letGo({ database, bell, clock }: ScheduleDependencies, { id, clusterId }: Snapshot, now: Date): Promise<boolean> {
  try {
    const operation = await database.prisma.$transaction(async (tx) => {
      await lockSnapshotRow(tx, id);
      const snapshot = (await findGoing(tx, clusterId, now))?.going.find((row) => row.id === id);
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
    const found = await findGoing(dependencies.database.prisma, clusterId, now);
    if (!found) return undefined;
    const { stuck, going } = found;
    const gone = await Promise.all(going.map((snapshot) => letGo(dependencies, snapshot, now)));
    const isDone = gone.every(Boolean) && stuck.length === 0;
    return new Date(now.getTime() + (isDone ? LOOK_EVERY : ASK_AGAIN));
  },
});
