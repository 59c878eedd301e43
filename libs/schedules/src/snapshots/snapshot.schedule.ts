import { recordClusterEvent, requireManageable, spreadOver } from '@managed-consul/clusters';
import { minutes, seconds, type Milliseconds } from '@managed-consul/config';
import type { Cluster, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { recordTakeSnapshot } from '@managed-consul/snapshots';
import type { Look, ScheduleDependencies, ScheduleFactory } from '../schedule';

/** While something else is done with the cluster, or it cannot be done now. */
const TRY_AGAIN: Milliseconds = minutes(1);

/**
 * The next time that is the cluster's own in the rhythm of its interval, after `now`: even over many clusters, and the same
 * whenever the service was away. What was missed meanwhile is one snapshot, not many.
 */
export function nextSnapshotAt(cluster: Pick<Cluster, 'id' | 'snapshotIntervalSeconds'>, now: Date): Date {
  const interval = seconds(cluster.snapshotIntervalSeconds);
  const place = spreadOver(`snapshot ${cluster.id}`, interval);
  const turns = Math.floor((now.getTime() - place) / interval) + 1;
  return new Date(turns * interval + place);
}

/** When the look was due so long ago that another one should have been since: the service, or the cluster, was away. */
const isLate = (cluster: Cluster, { now, dueAt }: Look): boolean =>
  now.getTime() - dueAt.getTime() > seconds(cluster.snapshotIntervalSeconds);

async function requestOne(tx: Transaction, cluster: Cluster, look: Look, { clock }: ScheduleDependencies) {
  requireManageable(cluster);
  const { operation } = await recordTakeSnapshot(tx, cluster, { kind: 'SCHEDULED' }, { schedule: 'snapshot' }, clock);
  if (isLate(cluster, look)) {
    const message = `A snapshot was due at ${look.dueAt.toISOString()} and is taken now.`;
    await recordClusterEvent(tx, { clusterId: cluster.id, operationId: operation.id, type: 'SnapshotLate', message });
  }
  return operation;
}

/** What may pass by itself: another operation, a cluster that is suspended or being deleted. */
const mayPass = (error: unknown): boolean =>
  error instanceof AppError && (error.code === 'OperationInProgress' || error.code === 'Conflict');

/** Takes a snapshot of each running cluster in its own interval; a suspended one has nobody who could change anything. */
export const snapshotSchedule: ScheduleFactory = (dependencies) => ({
  kind: 'snapshot',
  run: async (clusterId, look) => {
    const { database, bell } = dependencies;
    const asked = await database.prisma
      .$transaction(async (tx) => {
        await tx.$queryRaw`SELECT id FROM clusters WHERE id = ${clusterId}::uuid FOR UPDATE`;
        const cluster = await tx.cluster.findUnique({ where: { id: clusterId } });
        if (!cluster || cluster.deletedAt !== null) return undefined;
        if (cluster.powerState === 'Suspended') return { cluster, operation: undefined };
        return { cluster, operation: await requestOne(tx, cluster, look, dependencies) };
      })
      .catch((error: unknown) => {
        if (mayPass(error)) return 'later' as const;
        throw error;
      });
    if (asked === 'later') return { lookAgainAt: new Date(look.now.getTime() + TRY_AGAIN) };
    if (asked?.operation) void bell.ring(asked.operation);
    return asked && nextSnapshotAt(asked.cluster, look.now);
  },
});
