import { recordAudit, type Requester } from '@managed-consul/access';
import {
  askedBy,
  recordClusterEvent,
  snapshotSubject,
  type ChangeOrigin,
  type OperationKind,
  type SnapshotInput,
} from '@managed-consul/clusters';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Snapshot, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { requestOperation, type Operation, type OperationLane } from '@managed-consul/operations';
import { getSnapshot } from './snapshot-reads';

/** Something asked of one snapshot. */
export interface SnapshotWish {
  requester: Requester;
  snapshotId: string;
}

/**
 * The snapshot, locked until the transaction ends together with its cluster, in the order in which the runner locks. Needs the
 * role Contributor. Throws ResourceNotFound or AuthorizationFailed.
 */
export async function lockSnapshot(tx: Transaction, { requester, snapshotId }: SnapshotWish): Promise<Snapshot> {
  await lockSnapshotRow(tx, snapshotId);
  return getSnapshot(tx, requester, snapshotId, { needed: 'Contributor' });
}

/** Locks the rows only; for the service's own schedules. */
export async function lockSnapshotRow(tx: Transaction, snapshotId: string): Promise<void> {
  await tx.$queryRaw`SELECT id FROM clusters
    WHERE id = (SELECT cluster_id FROM snapshots WHERE id = ${snapshotId}::uuid) FOR UPDATE`;
  await tx.$queryRaw`SELECT id FROM snapshots WHERE id = ${snapshotId}::uuid FOR UPDATE`;
}

/** Refuses with Conflict a snapshot that holds nothing that could be read back. */
export function requireVerified(snapshot: Snapshot): void {
  if (snapshot.state === 'VERIFIED') return;
  const remedy =
    snapshot.state === 'QUEUED' || snapshot.state === 'CREATING' ? 'Wait until it is VERIFIED.' : 'Choose a VERIFIED snapshot.';
  throw new AppError('Conflict', `The snapshot is ${snapshot.state}. ${remedy}`);
}

/** A piece of work on one snapshot. */
export interface SnapshotChange {
  kind: OperationKind;
  lane: OperationLane;
  /** What the customer reads in the cluster's history. */
  event: { type: string; message: string };
}

/**
 * Records work on a locked snapshot: the operation, the audit entry and the event. Ring the bell for the operation after the
 * commit. Throws OperationInProgress.
 */
export async function recordSnapshotChange(
  tx: Transaction,
  snapshot: Snapshot,
  { kind, lane, event }: SnapshotChange,
  origin: ChangeOrigin,
  clock: Clock = systemClock,
): Promise<Operation> {
  const { id: snapshotId, clusterId, installationId } = snapshot;
  const input: SnapshotInput = { snapshotId };
  const operation = await requestOperation(
    tx,
    {
      ...{ kind, subject: snapshotSubject(snapshotId), clusterId, installationId, lane, input },
      ...askedBy(origin),
    },
    clock,
  );
  if ('requester' in origin) {
    const detail = { snapshotId, name: snapshot.name };
    await recordAudit(tx, origin.requester, { action: kind, installationId, clusterId, operationId: operation.id, detail });
  }
  await recordClusterEvent(tx, { clusterId, operationId: operation.id, ...event });
  return operation;
}
