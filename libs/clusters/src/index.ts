/**
 * Clusters as a domain: what may be asked for (every problem in one answer), the requests that record it, the states a cluster
 * moves through, its conditions, and reads. Requests write rows and nothing else; workers act. Knows no Azure and no Consul.
 */
export * from './cluster-names';
export {
  keepScheduleDue,
  removeSchedules,
  SCHEDULE_KINDS,
  setSchedule,
  spreadOver,
  startMissingSchedules,
  startSchedules,
  type ScheduleKind,
} from './cluster-schedules';
export { DEFAULTS, fillSpec, type ClusterDraft, type ClusterSpec } from './cluster-spec';
export {
  CONDITION_TYPES,
  isGood,
  observeCondition,
  type Condition,
  type ConditionType,
  type ObservedCondition,
} from './conditions';
export { findFreeze } from './freeze';
export { findWindow, isWindowOpen, WINDOW_LENGTH, type MaintenanceWindow, type WindowLimits } from './maintenance-window';
export { isPrivate, parseNetworkRange, type NetworkRange } from './network-range';
export { isTerminal, LEGAL_MOVES, mayMove, moveProvisioningState } from './provisioning-state';
export { findSpecProblems } from './spec-problems';
export { recordApplicationNews, type ApplicationNews } from './application-notification.request';
export { CLIENT_BUNDLE_FILES, writeBundle } from './client-bundle.files';
export { readClientBundle, type ClientBundle } from './client-bundle';
export { readClusterOrigin, type ClusterOrigin } from './cluster-origin';
export { getCluster, listClusterEvents, listClusters, type ClusterWithServers, type ListPosition } from './cluster-reads';
export { readUpkeep, type ClusterUpkeep, type LastDrill, type LastSnapshot } from './cluster-upkeep';
export {
  askedBy,
  recordClusterChange,
  requestClusterChange,
  requireManageable,
  type ChangeOrigin,
  type ClusterChange,
} from './cluster-change.request';
export { lockCluster, recordClusterEvent, findUnfinished, refuseWhileUnfinished } from './cluster-writes';
export { datacenterAlreadyExists, networkOverlap } from './create-cluster.problems';
export {
  findCreateProblems,
  requestCreateCluster,
  type CreateClusterOutcome,
  type CreateClusterWish,
  type CreatedCluster,
} from './create-cluster.request';
export { requestDeleteCluster, type DeleteClusterWish } from './delete-cluster.request';
export {
  findByFrontDoorSecret,
  FORWARDED_PATH,
  forwardedRequester,
  isDoorBeingMade,
  isSecretTaken,
  secretInEndpoint,
  setFrontDoor,
} from './front-door';
export { isSecondary, secondariesOf } from './federation-membership';
export { etagOf, requireMatch } from './etag';
export {
  findInstallationAt,
  getInstallation,
  listInstallations,
  requestRegisterInstallation,
  takePlaceForApplication,
  type RegisterInstallationWish,
} from './installations';
export { requestResume, requestSuspend } from './power.request';
export { requestResize } from './resize.request';
export { requestScale } from './scale.request';
export { requestDueRotation, type AutomaticRotation } from './automatic-rotation.request';
export {
  requestRotation,
  ROTATION_KINDS,
  ROTATION_TARGETS,
  rotationChange,
  sharedTargets,
  type RotationTarget,
} from './rotation.request';
export { requestRootToken, type RequestedRootToken } from './root-token.request';
export { updateCluster, type UpdateClusterWish } from './update-cluster.request';
export * from './observation';
export { decideRepairNow, requestRepair } from './repair.request';
export { VM_SIZES } from './vm-sizes';
