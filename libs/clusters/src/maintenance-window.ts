import { hours } from '@managed-consul/config';

/** Days of the week in the order of `Date.getUTCDay`, from Sunday. */
const DAYS_FROM_SUNDAY = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;

export const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;

/** When automatic work may begin, in UTC: any moment of that hour. What has begun may last longer. */
export interface MaintenanceWindow {
  weekday: (typeof WEEKDAYS)[number];
  hour: number;
}

/** What keeps automatic work from beginning in a window. */
export interface WindowLimits {
  /** Days in UTC, `YYYY-MM-DD`. */
  blackoutDates?: readonly string[];
  /** No window that opens before this moment counts. */
  deferredUntil?: Date | null;
}

/** How long a window stays open. */
export const WINDOW_LENGTH = hours(1);

const WEEK = hours(7 * 24);

/** Weeks to look ahead: more than the blackout dates that a cluster may have, so that a window is always found. */
const WEEKS_AHEAD = 160;

/** The last moment at or before `moment` at which the window opened. */
function lastOpening(window: MaintenanceWindow, moment: Date): Date {
  const opening = new Date(moment);
  opening.setUTCHours(window.hour, 0, 0, 0);
  const daysBack = (opening.getUTCDay() - DAYS_FROM_SUNDAY.indexOf(window.weekday) + 7) % 7;
  opening.setUTCDate(opening.getUTCDate() - daysBack);
  return opening.getTime() > moment.getTime() ? new Date(opening.getTime() - WEEK) : opening;
}

/**
 * When the window that is open at `now`, or else the next one, opens: a moment in the past when it is open. Undefined without
 * a window, and when every window of the next three years is ruled out.
 */
export function findWindow(
  window: MaintenanceWindow | null,
  now: Date,
  { blackoutDates = [], deferredUntil = null }: WindowLimits = {},
): Date | undefined {
  if (window === null) return undefined;
  const excluded = new Set(blackoutDates);
  const later = deferredUntil !== null && deferredUntil > now ? deferredUntil : now;
  const first = lastOpening(window, later);
  for (let week = 0; week <= WEEKS_AHEAD; week += 1) {
    const opening = new Date(first.getTime() + week * WEEK);
    const isOver = opening.getTime() + WINDOW_LENGTH <= now.getTime();
    const isDeferred = deferredUntil !== null && opening < deferredUntil;
    if (!isOver && !isDeferred && !excluded.has(opening.toISOString().slice(0, 10))) return opening;
  }
  return undefined;
}

/** Whether automatic work may begin at `now`. */
export function isWindowOpen(window: MaintenanceWindow | null, now: Date, limits: WindowLimits = {}): boolean {
  const opening = findWindow(window, now, limits);
  return opening !== undefined && opening <= now;
}
