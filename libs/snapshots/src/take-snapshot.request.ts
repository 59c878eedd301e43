import type { Requester } from '@managed-consul/access';
import {
  askedBy,
  lockCluster,
  OPERATION_KINDS,
  recordClusterChange,
  refuseWhileUnfinished,
  requireManageable,
  type ChangeOrigin,
  type SnapshotInput,
} from '@managed-consul/clusters';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Cluster, Snapshot, SnapshotKind, Transaction } from '@managed-consul/database';
import type { Operation } from '@managed-consul/operations';
import { createSnapshotRow } from './snapshot-row';

/** A snapshot that was asked for, with the operation that takes it. */
export interface RequestedSnapshot {
  snapshot: Snapshot;
  operation: Operation;
}

export interface TakeSnapshotWish {
  requester: Requester;
  clusterId: string;
  /** At most 64 characters, not the name of another snapshot of the cluster; made from the time if missing. */
  name?: string | undefined;
}

/** What is said of a request in the cluster's history. */
const REQUESTED: Record<SnapshotKind, string> = {
  MANUAL: 'was requested',
  SCHEDULED: 'is due by schedule',
  SAFETY: 'is taken before a change',
  FINAL: 'is taken before the cluster goes',
};

/**
 * Records a snapshot of a cluster whose row the caller has locked, and the operation that takes it. Ring the bell for it after
 * the commit. Throws OperationInProgress, InvalidRequest, SnapshotNameExists.
 */
export async function recordTakeSnapshot(
  tx: Transaction,
  cluster: Cluster,
  { kind, name }: { kind: SnapshotKind; name?: string | undefined },
  origin: ChangeOrigin,
  clock: Clock = systemClock,
): Promise<RequestedSnapshot> {
  await refuseWhileUnfinished(tx, cluster.id);
  const snapshot = await createSnapshotRow(tx, cluster, { kind, name, requestedBy: askedBy(origin).requestedBy }, clock);
  const input: SnapshotInput = { snapshotId: snapshot.id };
  const event = { type: 'SnapshotRequested', message: `The snapshot '${snapshot.name}' ${REQUESTED[kind]}.` };
  const operation = await recordClusterChange(tx, cluster, { kind: OPERATION_KINDS.takeSnapshot, input, event }, origin, clock);
  return { snapshot, operation };
}

/**
 * Asks for a snapshot of a running cluster. Throws ResourceNotFound, AuthorizationFailed, Conflict, OperationInProgress,
 * InvalidRequest and SnapshotNameExists.
 */
export async function requestTakeSnapshot(
  tx: Transaction,
  { requester, clusterId, name }: TakeSnapshotWish,
  clock: Clock = systemClock,
): Promise<RequestedSnapshot> {
  const cluster = await lockCluster(tx, requester, clusterId);
  await refuseWhileUnfinished(tx, clusterId);
  requireManageable(cluster);
  return recordTakeSnapshot(tx, cluster, { kind: 'MANUAL', name }, { requester }, clock);
}
