/**
 * Snapshots as a domain: the requests that record what is wanted, the states a snapshot moves through, how long it is kept,
 * and reads. A snapshot may outlive its cluster. Requests write rows and nothing else; workers act. Knows no Azure, no agent
 * and no Consul: where the bytes are is a name in the row.
 */
export { createSnapshotRow, type NewSnapshot, type SnapshotClusterFacts } from './snapshot-row';
export { getSnapshot, listSnapshots, type SnapshotListQuery } from './snapshot-reads';
export { readLastRestores } from './snapshot-restores';
export { mayMoveSnapshot, moveSnapshotState, SNAPSHOT_MOVES } from './snapshot-state';
export {
  CONTENT_KEY_BYTES,
  contentKeyPurpose,
  defaultSnapshotName,
  snapshotLinkPurpose,
  snapshotSecretsOwner,
} from './snapshot-names';
export { recordTakeSnapshot, requestTakeSnapshot, type RequestedSnapshot, type TakeSnapshotWish } from './take-snapshot.request';
export { requestRenameSnapshot, type RenameSnapshotWish } from './rename-snapshot.request';
export { recordDeleteSnapshot, requestDeleteSnapshot } from './delete-snapshot.request';
export { getSnapshotLink, requestSnapshotLink, type SnapshotLink } from './snapshot-link.request';
export { recordDrill, requestDrill, requireDrillable } from './drill-snapshot.request';
export { findCloneProblems, requestCloneCluster, type CloneClusterWish } from './clone.request';
export { requestRecoverQuorum, requestRestore, requestRestorePreview, type RestoreWish } from './restore.request';
export { getRestorePreview, restorePreviewSchema, RESTORE_PREVIEW_STEP, type RestorePreview } from './restore-preview';
export { findRestoreProblem } from './restore-version';
export { lockSnapshotRow, requireVerified, type SnapshotWish } from './snapshot-change.request';
export { snapshotsToRemove, type RetainedSnapshot, type RetentionRule } from './retention';
export { catchUpSnapshot, retryScheduledSnapshot } from './missed-snapshots';
export { DRILL_FAILED, retryScheduledDrill } from './missed-drills';
export { failSnapshotsOf } from './snapshot-outcomes';
