/**
 * What operators of the service see and do across all customers: find clusters and operations, unblock work, look after the
 * catalogue. Writes plan first and are recorded before they take effect. Knows no web framework, no Azure and no Consul, and
 * never reads a secret.
 */
export { dumpCluster, type ClusterDump } from './cluster-dump';
export { countFleet, findFleetClusters, getFleetCluster, type FleetCluster, type FleetClusterQuery } from './fleet-clusters';
export type { FleetCount, FleetCounts } from './fleet-clusters';
export { planDrill, planSnapshot } from './snapshot-care';
export { planClusterTask, type ClusterTask, type ServerTask } from './cluster-care';
export {
  findFleetOperations,
  findPending,
  getFleetOperation,
  type FleetOperation,
  type FleetOperationQuery,
  type FleetStep,
} from './fleet-operations';
export { planCancel, planRetry, planSkip, type StepPlace } from './operation-care';
export { planRegion, planVersion, type VersionWish } from './catalogue-care';
export { listFleetVersions, type FleetVersion } from './fleet-versions';
export { carryOut, type Change, type ChangeOutcome } from './change';
export { readQueue, type QueueState } from './queue';
export { advanceDueRollout } from './rollouts/advance-rollout';
export {
  planAbortOfRollout,
  planPauseOfRollout,
  planResumeOfRollout,
  planRollout,
  type ResumeWish,
  type RolloutGrounds,
  type RolloutWish,
} from './rollouts/rollout-care';
export type { RolloutTask } from './rollouts/rollout-task';
export { listFreezes, planFreeze, planLift, type FreezeWish } from './freezes/freeze-care';
export {
  beginDueMaintenance,
  listMaintenanceSchedules,
  planEndOfMaintenanceSchedule,
  planMaintenanceSchedule,
  type MaintenanceScheduleWish,
} from './maintenance-schedules/maintenance-schedule-care';
export { findRollouts, findTurns, getRollout, type FleetRollout, type RolloutTurn } from './rollouts/rollout-reads';
export { findEmissions, findMismatches, findUsageRecords } from './billing/billing-reads';
export { planHourCorrection, planResend } from './billing/billing-care';
export {
  listCredits,
  planCredit,
  planCreditApproval,
  planCreditRefusal,
  type CreditedTime,
  type CreditGrounds,
} from './billing/credit-care';
export {
  endDueBreakGlass,
  getBreakGlass,
  listBreakGlass,
  planBreakGlass,
  planBreakGlassApproval,
  planBreakGlassEnd,
  type BreakGlassLimits,
  type BreakGlassWish,
} from './break-glass/break-glass-care';
export {
  planDenial,
  planEndOfDenial,
  planEndOfSuspension,
  planQuota,
  planSuspension,
  type QuotaWish,
  type SuspensionWish,
} from './tenants/tenant-care';
export {
  findFleetTenants,
  getFleetTenant,
  listDeniedTenants,
  type FleetTenant,
  type FleetTenantDetail,
  type FleetTenantQuery,
  type TenantCluster,
} from './tenants/tenant-reads';
export { listPauses, planPause, planResume, type PauseWish } from './pauses/pause-care';
