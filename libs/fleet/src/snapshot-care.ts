import type { Requester } from '@managed-consul/access';
import { OPERATION_KINDS, refuseWhileUnfinished, requireManageable } from '@managed-consul/clusters';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { lockSnapshotRow, recordDrill, recordTakeSnapshot, requireDrillable } from '@managed-consul/snapshots';
import type { Change } from './change';

/**
 * Asks for a snapshot of a running cluster beside those of its schedule; the customer finds it among the others. Throws
 * ResourceNotFound, Conflict for a cluster that takes no change, and OperationInProgress.
 */
export async function planSnapshot(
  tx: Transaction,
  clusterId: string,
  requester: Requester,
  clock: Clock = systemClock,
): Promise<Change> {
  await tx.$queryRaw`SELECT id FROM clusters WHERE id = ${clusterId}::uuid FOR UPDATE`;
  const cluster = await tx.cluster.findUnique({ where: { id: clusterId, deletedAt: null } });
  if (!cluster) throw new AppError('ResourceNotFound', `There is no cluster ${clusterId}.`);
  await refuseWhileUnfinished(tx, clusterId);
  requireManageable(cluster);
  return {
    action: OPERATION_KINDS.takeSnapshot,
    summary: `The service takes a snapshot of '${cluster.name}'.`,
    before: { snapshots: await tx.snapshot.count({ where: { clusterId, deletedAt: null } }) },
    after: { kind: OPERATION_KINDS.takeSnapshot },
    clusterId,
    installationId: cluster.installationId,
    apply: async () => {
      await recordTakeSnapshot(tx, cluster, { kind: 'MANUAL' }, { operator: requester }, clock);
    },
  };
}

/**
 * Has a snapshot proved now: restored into a throw-away server beside one of the cluster's and read there. Throws ResourceNotFound,
 * Conflict for a snapshot that is not VERIFIED or whose cluster cannot do it now, and OperationInProgress.
 */
export async function planDrill(
  tx: Transaction,
  snapshotId: string,
  requester: Requester,
  clock: Clock = systemClock,
): Promise<Change> {
  await lockSnapshotRow(tx, snapshotId);
  const snapshot = await tx.snapshot.findUnique({ where: { id: snapshotId, deletedAt: null } });
  if (!snapshot) throw new AppError('ResourceNotFound', `There is no snapshot ${snapshotId}.`);
  await requireDrillable(tx, snapshot);
  return {
    action: OPERATION_KINDS.drillSnapshot,
    summary: `The service proves the snapshot '${snapshot.name}' by restoring it aside.`,
    before: { state: snapshot.state, verifiedAt: snapshot.verifiedAt?.toISOString() ?? null },
    after: { kind: OPERATION_KINDS.drillSnapshot, snapshotId },
    clusterId: snapshot.clusterId,
    installationId: snapshot.installationId,
    apply: async () => {
      await recordDrill(tx, snapshot, { operator: requester }, clock);
    },
  };
}
