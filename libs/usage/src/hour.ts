import { hours as hoursLong } from '@managed-consul/config';
import { AppError } from '@managed-consul/errors';

/** Half-open: `from` belongs to it, `to` does not. */
export interface Span {
  from: Date;
  to: Date;
}

const HOUR = hoursLong(1);
const MONTH = /^(\d{4})[-/](0[1-9]|1[0-2])$/;

/** The start of the clock hour that `at` is in. Hours are UTC's: no zone's change of time makes one of them longer or double. */
export const hourOf = (at: Date): Date => new Date(Math.floor(at.getTime() / HOUR) * HOUR);

export const hourAfter = (hour: Date): Date => new Date(hour.getTime() + HOUR);

/** Every clock hour that begins in the span. */
export function hoursOf({ from, to }: Span): Date[] {
  const first = Math.ceil(from.getTime() / HOUR) * HOUR;
  const count = Math.max(0, Math.ceil((to.getTime() - first) / HOUR));
  return Array.from({ length: count }, (_none, index) => new Date(first + index * HOUR));
}

export const dayOf = (at: Date): Span => {
  const from = Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate());
  return { from: new Date(from), to: new Date(from + hoursLong(24)) };
};

export const monthOf = (at: Date): Span => ({
  from: new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth())),
  to: new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1)),
});

/** Reads `2026-01` or `2026/01`, in UTC. Throws InvalidMonth for another form and for a month that has not begun. */
export function readMonth(month: string, now: Date): Span {
  const match = MONTH.exec(month);
  if (!match) throw new AppError('InvalidMonth', 'Give a month as 2026-01.', { target: 'month' });
  const span = monthOf(new Date(Date.UTC(Number(match[1]), Number(match[2]) - 1)));
  if (span.from > now) throw new AppError('InvalidMonth', 'The month has not begun.', { target: 'month' });
  return span;
}
