import { OPERATION_KINDS, requireManageable, type ChangeOrigin } from '@managed-consul/clusters';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Snapshot, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Operation } from '@managed-consul/operations';
import { lockSnapshot, recordSnapshotChange, requireVerified, type SnapshotWish } from './snapshot-change.request';

/** Throws Conflict for a snapshot that is not VERIFIED, or whose cluster is gone or cannot do it now. */
export async function requireDrillable(tx: Transaction, snapshot: Snapshot): Promise<void> {
  requireVerified(snapshot);
  const cluster = await tx.cluster.findUnique({ where: { id: snapshot.clusterId } });
  if (!cluster || cluster.deletedAt !== null)
    throw new AppError('Conflict', 'A drill needs a server of the cluster, and the cluster is gone. Restore it into a new one.');
  requireManageable(cluster);
}

/**
 * Records a drill of a locked snapshot: it is restored into a throw-away server beside one of the cluster's and read there.
 * Throws Conflict for a snapshot that is not VERIFIED or whose cluster cannot do it now, and OperationInProgress.
 */
export async function recordDrill(
  tx: Transaction,
  snapshot: Snapshot,
  origin: ChangeOrigin,
  clock: Clock = systemClock,
): Promise<Operation> {
  await requireDrillable(tx, snapshot);
  const event = { type: 'DrillRequested', message: `The snapshot '${snapshot.name}' will be proved by restoring it aside.` };
  return recordSnapshotChange(tx, snapshot, { kind: OPERATION_KINDS.drillSnapshot, lane: 'Change', event }, origin, clock);
}

/**
 * Asks for a snapshot to be proved. Throws ResourceNotFound, AuthorizationFailed, Conflict, OperationInProgress.
 */
export async function requestDrill(tx: Transaction, wish: SnapshotWish, clock: Clock = systemClock): Promise<Operation> {
  return recordDrill(tx, await lockSnapshot(tx, wish), { requester: wish.requester }, clock);
}
