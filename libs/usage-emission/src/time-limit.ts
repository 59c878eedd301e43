import { hours, minutes, type Milliseconds } from '@managed-consul/config';

/** Azure takes usage of the last 24 hours; ten minutes are left for an event that is just being sent. */
const SENT_WITHIN: Milliseconds = hours(24) - minutes(10);

/** Start of the earliest hour that may still be sent. */
export const earliestHour = (now: Date): Date => new Date(now.getTime() - SENT_WITHIN);

/** A UTC day is settled when nothing of it can be sent any more, with an hour to spare for clocks that differ. */
export function lastSettledDay(now: Date): Date {
  const at = new Date(now.getTime() - hours(49));
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()));
}
