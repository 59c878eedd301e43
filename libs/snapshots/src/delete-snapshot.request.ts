import { OPERATION_KINDS, snapshotSubject, type ChangeOrigin } from '@managed-consul/clusters';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Snapshot, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Operation } from '@managed-consul/operations';
import { lockSnapshot, recordSnapshotChange, type SnapshotWish } from './snapshot-change.request';
import { moveSnapshotState } from './snapshot-state';

/** An unfinished operation that takes, restores or falls back on the snapshot, or decides about all snapshots: a delete of the cluster. */
const USERS = `SELECT id::text, kind, created_at AS "createdAt" FROM operations
  WHERE state IN ('Pending', 'Running') AND subject <> $2 AND (input->>'snapshotId' = $1 OR input->>'safetySnapshotId' = $1
    OR (kind = $3 AND cluster_id = $4::uuid))
  LIMIT 1`;

async function requireUnused(tx: Transaction, { id, clusterId }: Snapshot): Promise<void> {
  const [user] = await tx.$queryRawUnsafe<{ id: string; kind: string; createdAt: Date }[]>(
    ...([USERS, id, snapshotSubject(id), OPERATION_KINDS.deleteCluster, clusterId] as const),
  );
  if (!user) return;
  const since = user.createdAt.toISOString();
  const message = `Operation ${user.id} (${user.kind}), requested at ${since}, uses the snapshot. Wait for it, then try again.`;
  throw new AppError('OperationInProgress', message, { target: user.id, retryAfterSeconds: 10 });
}

const findDeleteUnderWay = (tx: Transaction, { id }: Snapshot) =>
  tx.operation.findFirst({
    where: { subject: snapshotSubject(id), lane: 'Delete', state: { in: ['Pending', 'Running'] } },
    select: { id: true },
  });

/**
 * Records that a locked snapshot shall go; a link or drill of it that is under way is stopped. Gives the id of the operation,
 * also of one that is under way already. Throws OperationInProgress while an operation on a cluster uses the snapshot.
 */
export async function recordDeleteSnapshot(
  tx: Transaction,
  snapshot: Snapshot,
  origin: ChangeOrigin,
  clock: Clock = systemClock,
): Promise<Pick<Operation, 'id'>> {
  const underWay = await findDeleteUnderWay(tx, snapshot);
  if (underWay) return underWay;
  await requireUnused(tx, snapshot);
  await moveSnapshotState(tx, snapshot.id, 'DELETING');
  const why = 'requester' in origin ? 'Its deletion was requested' : 'Its retention has ended';
  const event = { type: 'SnapshotDeleteRequested', message: `The snapshot '${snapshot.name}' will be deleted. ${why}.` };
  return recordSnapshotChange(tx, snapshot, { kind: OPERATION_KINDS.deleteSnapshot, lane: 'Delete', event }, origin, clock);
}

/**
 * Asks for a snapshot to be deleted: its bytes and the key that they can be read with. Gives the id of the operation. Throws
 * ResourceNotFound, AuthorizationFailed, OperationInProgress.
 */
export async function requestDeleteSnapshot(
  tx: Transaction,
  wish: SnapshotWish,
  clock: Clock = systemClock,
): Promise<Pick<Operation, 'id'>> {
  const snapshot = await lockSnapshot(tx, wish);
  return recordDeleteSnapshot(tx, snapshot, { requester: wish.requester }, clock);
}
