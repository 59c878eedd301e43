import type { Database } from '@managed-consul/database';
import { earliestHour } from './time-limit';

const PENDING = `SELECT count(*)::int AS count FROM usage_emissions WHERE state = 'Pending' AND hour >= $1
  AND ($2::uuid IS NULL OR installation_id = $2)`;

/** Planned events that can still be sent and have no answer; of one installation, if that is given. */
export async function countUnsent({ pool }: Database, now: Date, installationId?: string): Promise<number> {
  return (await pool.query<{ count: number }>(PENDING, [earliestHour(now), installationId ?? null])).rows[0]?.count ?? 0;
}

/** New rows of the ledger, or events that wait; and somebody who buys by the Marketplace at all. */
const WANTED = `SELECT (
    (SELECT coalesce(max(id), 0) FROM usage_records) > (SELECT coalesce(max(through_record_id), 0) FROM usage_emission_progress)
    OR EXISTS (SELECT FROM usage_emissions WHERE state = 'Pending' AND next_try_at <= $1)
  ) AND EXISTS (SELECT FROM installations WHERE kind = 'ManagedApplication' AND application_definition_id IS NULL) AS wanted`;

/** Whether there is anything for the Marketplace to be told. */
export async function isSendingWanted({ pool }: Database, now: Date): Promise<boolean> {
  return (await pool.query<{ wanted: boolean }>(WANTED, [now])).rows[0]?.wanted ?? false;
}
