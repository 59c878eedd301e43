import { recordAudit } from '@managed-consul/access';
import { recordClusterEvent } from '@managed-consul/clusters';
import type { Snapshot, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { lockSnapshot, type SnapshotWish } from './snapshot-change.request';
import { requireFreeName } from './snapshot-row';

export interface RenameSnapshotWish extends SnapshotWish {
  name: string;
}

/**
 * Gives a snapshot another name at once; nothing outside the record knows it. Throws ResourceNotFound, AuthorizationFailed,
 * InvalidRequest, SnapshotNameExists, and Conflict for one that is being deleted.
 */
export async function requestRenameSnapshot(tx: Transaction, wish: RenameSnapshotWish): Promise<Snapshot> {
  const { requester, snapshotId, name } = wish;
  const snapshot = await lockSnapshot(tx, wish);
  if (snapshot.state === 'DELETING') throw new AppError('Conflict', 'The snapshot is being deleted.');
  const { clusterId, installationId, name: before } = snapshot;
  await requireFreeName(tx, { clusterId, name, except: snapshotId });
  if (name === before) return snapshot;
  const detail = { snapshotId, before, name };
  await recordAudit(tx, requester, { action: 'rename-snapshot', installationId, clusterId, detail });
  await recordClusterEvent(tx, { clusterId, type: 'SnapshotRenamed', message: `The snapshot '${before}' is now '${name}'.` });
  return tx.snapshot.update({ where: { id: snapshotId }, data: { name } });
}
