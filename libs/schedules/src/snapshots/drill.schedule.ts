import { hours, type Milliseconds } from '@managed-consul/config';
import { AppError } from '@managed-consul/errors';
import { lockSnapshotRow, recordDrill } from '@managed-consul/snapshots';
import type { ScheduleDependencies, ScheduleFactory } from '../schedule';

/** A snapshot is proved every week. */
const DRILL_EVERY: Milliseconds = hours(7 * 24);
/** While there is no good snapshot yet, or the cluster cannot do it now. */
const TRY_AGAIN: Milliseconds = hours(1);

async function requestDrillOfNewest({ database, clock }: ScheduleDependencies, clusterId: string) {
  return database.prisma.$transaction(async (tx) => {
    const newest = await tx.snapshot.findFirst({
      where: { clusterId, state: 'VERIFIED', deletedAt: null },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      select: { id: true },
    });
    if (!newest) return undefined;
    await lockSnapshotRow(tx, newest.id);
    const snapshot = await tx.snapshot.findUnique({ where: { id: newest.id, deletedAt: null } });
    return snapshot ? recordDrill(tx, snapshot, { schedule: 'drill' }, clock) : undefined;
  });
}

/** Proves the newest good snapshot of each living cluster, every week. */
export const drillSchedule: ScheduleFactory = (dependencies) => ({
  kind: 'drill',
  run: async (clusterId, { now }) => {
    const { database, bell } = dependencies;
    const cluster = await database.prisma.cluster.findUnique({ where: { id: clusterId } });
    if (!cluster || cluster.deletedAt !== null) return undefined;
    try {
      const operation = await requestDrillOfNewest(dependencies, clusterId);
      if (operation) void bell.ring(operation);
      return new Date(now.getTime() + (operation ? DRILL_EVERY : TRY_AGAIN));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const lookAgainAt = new Date(now.getTime() + TRY_AGAIN);
      if (error.code === 'OperationInProgress') return { lookAgainAt };
      // Of a cluster that is suspended or goes away nothing is due.
      if (error.code === 'Conflict') return lookAgainAt;
      throw error;
    }
  },
});
