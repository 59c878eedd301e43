import { randomUUIDv7 } from 'node:crypto';
import { nameOf, type Requester } from '@managed-consul/access';
import {
  OPERATION_KINDS,
  requestClusterChange,
  type ClusterWithServers,
  type RecoverQuorumInput,
  type RestoreClusterInput,
  type SnapshotInput,
} from '@managed-consul/clusters';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Snapshot, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Operation } from '@managed-consul/operations';
import { findRestoreProblem } from './restore-version';
import { lockSnapshot, requireVerified } from './snapshot-change.request';
import { createSnapshotRow } from './snapshot-row';

/** Which snapshot shall be restored where. */
export interface RestoreWish {
  requester: Requester;
  clusterId: string;
  snapshotId: string;
}

/**
 * Gives the snapshot, locked, if it can be restored into the cluster in place. Throws ResourceNotFound, also for a snapshot of
 * someone else, AuthorizationFailed, InvalidRequest, and Conflict for one of another cluster or one that holds nothing.
 */
async function lockRestorable(
  tx: Transaction,
  cluster: ClusterWithServers,
  { requester, snapshotId }: RestoreWish,
): Promise<Snapshot> {
  const snapshot = await lockSnapshot(tx, { requester, snapshotId });
  if (snapshot.clusterId !== cluster.id) {
    const message =
      'The snapshot was taken of another cluster. Create a new cluster from it: restoring it here would mix two clusters.';
    throw new AppError('Conflict', message, { target: 'snapshotId' });
  }
  requireVerified(snapshot);
  const version = cluster.observedConsulVersion ?? cluster.consulVersion;
  const problem = findRestoreProblem(snapshot.consulVersion, version);
  if (problem) throw new AppError('InvalidRequest', problem.message, { target: 'snapshotId', details: [problem] });
  return snapshot;
}

/**
 * Asks for a cluster to be put back to a snapshot of its own, after a safety snapshot unless that is declined. Throws
 * ResourceNotFound, AuthorizationFailed, InvalidRequest, Conflict, OperationInProgress.
 */
export async function requestRestore(
  tx: Transaction,
  wish: RestoreWish & { safetySnapshot?: boolean },
  clock: Clock = systemClock,
): Promise<Operation> {
  const { requester, clusterId, safetySnapshot = true } = wish;
  const decide = async (cluster: ClusterWithServers) => {
    const snapshot = await lockRestorable(tx, cluster, wish);
    const safetySnapshotId = safetySnapshot ? randomUUIDv7() : null;
    if (safetySnapshotId) {
      const row = { kind: 'SAFETY' as const, id: safetySnapshotId, requestedBy: nameOf(requester) };
      await createSnapshotRow(tx, cluster, row, clock);
    }
    const input: RestoreClusterInput = { snapshotId: snapshot.id, safetySnapshotId };
    const message = `A restore of the snapshot '${snapshot.name}' was requested.`;
    return { kind: OPERATION_KINDS.restoreCluster, input, event: { type: 'RestoreRequested', message } };
  };
  return requestClusterChange(tx, { requester, clusterId }, decide, clock);
}

/**
 * Asks what a restore would do to a cluster; changes nothing. The answer is read with `getRestorePreview`. Throws as
 * `requestRestore`.
 */
export async function requestRestorePreview(tx: Transaction, wish: RestoreWish, clock: Clock = systemClock): Promise<Operation> {
  const { requester, clusterId } = wish;
  const decide = async (cluster: ClusterWithServers) => {
    const snapshot = await lockRestorable(tx, cluster, wish);
    const input: SnapshotInput = { snapshotId: snapshot.id };
    const message = `A preview of restoring the snapshot '${snapshot.name}' was requested.`;
    return { kind: OPERATION_KINDS.previewRestore, input, event: { type: 'RestorePreviewRequested', message } };
  };
  return requestClusterChange(tx, { requester, clusterId }, decide, clock);
}

/**
 * Asks for a cluster without quorum to be given one again, from the servers that are left or from a snapshot of its own.
 * Whether quorum is lost is looked at by the operation. Throws as `requestRestore`.
 */
export async function requestRecoverQuorum(
  tx: Transaction,
  { requester, clusterId, source }: { requester: Requester; clusterId: string; source: RecoverQuorumInput },
  clock: Clock = systemClock,
): Promise<Operation> {
  const decide = async (cluster: ClusterWithServers) => {
    const name =
      source.from === 'snapshot'
        ? (await lockRestorable(tx, cluster, { requester, clusterId, snapshotId: source.snapshotId })).name
        : undefined;
    const message = `A recovery of the quorum ${name ? `from the snapshot '${name}'` : 'from the servers that are left'} was requested.`;
    return { kind: OPERATION_KINDS.recoverQuorum, input: source, event: { type: 'QuorumRecoveryRequested', message } };
  };
  return requestClusterChange(tx, { requester, clusterId }, decide, clock);
}
