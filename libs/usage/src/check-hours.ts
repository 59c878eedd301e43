import { hours, type Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import { compareHour } from './recompute';

/** Between two checks of an hour. */
const CHECK_EVERY: Milliseconds = hours(24);
/** Hours that began longer ago are checked no more: their bills are written. */
const CHECKED_FOR: Milliseconds = hours(24 * 35);

const DUE = `SELECT h.hour FROM usage_hours h LEFT JOIN usage_checks c ON c.hour = h.hour
  WHERE h.hour > $1 AND (c.hour IS NULL OR c.checked_at <= $2) ORDER BY c.checked_at NULLS FIRST, h.hour LIMIT $3`;
const REMEMBER = `INSERT INTO usage_checks AS known (hour, checked_at, differences) VALUES ($1, $2, $3)
  ON CONFLICT (hour) DO UPDATE SET checked_at = EXCLUDED.checked_at, differences = EXCLUDED.differences`;

/** A closed hour, and in how many places the ledger says something else of it than its computation. */
export interface CheckedHour {
  readonly hour: Date;
  readonly differences: number;
}

/**
 * Computes closed hours again, each once a day, `limit` at most, and writes down how many differences each has now: nothing is
 * corrected. Gives those that it checked. Any number may run side by side.
 */
export async function checkClosedHours({ pool }: Pick<Database, 'pool'>, now: Date, limit: number): Promise<CheckedHour[]> {
  const ago = (length: Milliseconds): Date => new Date(now.getTime() - length);
  const { rows } = await pool.query<{ hour: Date }>(DUE, [ago(CHECKED_FOR), ago(CHECK_EVERY), limit]);
  const checked: CheckedHour[] = [];
  for (const { hour } of rows) {
    const differences = (await compareHour({ pool }, hour)).length;
    await pool.query(REMEMBER, [hour, now, differences]);
    checked.push({ hour, differences });
  }
  return checked;
}
