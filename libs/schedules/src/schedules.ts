import { inspectSchedule } from './observe/inspect.schedule';
import { observeSchedule } from './observe/observe.schedule';
import { rotateSchedule } from './rotate.schedule';
import { drillSchedule } from './snapshots/drill.schedule';
import { retentionSchedule } from './snapshots/retention.schedule';
import { snapshotSchedule } from './snapshots/snapshot.schedule';
import type { Schedule, ScheduleDependencies, ScheduleFactory } from './schedule';
import { upgradeSchedule } from './upgrade.schedule';

/** Every schedule of the service. */
export const SCHEDULES: readonly ScheduleFactory[] = [
  //
  observeSchedule,
  inspectSchedule,
  upgradeSchedule,
  snapshotSchedule,
  retentionSchedule,
  drillSchedule,
  rotateSchedule,
];

/** All schedules around what they work with. */
export const createSchedules = (dependencies: ScheduleDependencies): Schedule[] =>
  SCHEDULES.map((create) => create(dependencies));
