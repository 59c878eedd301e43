import type { Schedule, ScheduleDependencies } from './schedule';

/** Makes one schedule. */
export type ScheduleFactory = (dependencies: ScheduleDependencies) => Schedule;

/** Every schedule of the service. */
export const SCHEDULES: readonly ScheduleFactory[] = [];

/** All schedules around what they work with. */
export const createSchedules = (dependencies: ScheduleDependencies): Schedule[] =>
  SCHEDULES.map((create) => create(dependencies));
