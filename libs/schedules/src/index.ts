/**
 * Looks at what is due and asks for it: the sweeper of operations, and the schedules of clusters. A schedule reads, rings and
 * requests, and changes nothing outside the database.
 */
export { DueWork, type DueWorkOptions } from './due-work';
export { addFleetMetrics } from './fleet-metrics';
export { addServiceMetrics } from './service-metrics';
export { HourCloser } from './hour-closer';
export type { Look, Schedule, ScheduleDependencies } from './schedule';
export { createSchedules } from './schedules';
export { BreakGlassCloser } from './break-glass-closer';
export { OldAnswers } from './old-answers';
export { RolloutDriver } from './rollout-driver';
export { addUsageMetrics } from './usage-metrics';
export { UsageSender } from './usage-sender';
export { Sweeper, type SweeperOptions } from './sweeper';
