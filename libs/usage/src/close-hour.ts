import { minutes, type Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import { hourAfter, hourOf, hoursOf } from './hour';
import { BY_REMOVAL, LOCK_LEDGER, NEXT_HOUR, PATIENCE } from './ledger.statements';
import { MEASURE } from './measure.statement';
import { addCorrections } from './recompute';
import { CARRY_COUNTS } from './service-instances';

/** How long after its end an hour is closed: transactions that began in it have ended by then. */
export const CLOSE_AFTER: Milliseconds = minutes(5);

const CLOSE = `INSERT INTO usage_records (hour, cluster_id, installation_id, meter, plan_id, price_id, seconds, quantity, recorded_at)
  SELECT $1::timestamptz, cluster_id, installation_id, meter, plan_id, price_id, seconds, quantity, $4::timestamptz
  FROM (${MEASURE}) AS measured
  ON CONFLICT DO NOTHING`;

/** Whose usage of the hour is in the ledger already, because their application was deleted in it. */
const CLOSED_BEFORE = `SELECT DISTINCT installation_id::text AS id FROM usage_records WHERE hour = $1 AND recorded_by = '${BY_REMOVAL}'`;

const MARK = `INSERT INTO usage_hours (hour, closed_at, records) VALUES ($1, $2, $3)`;

/**
 * Writes into the ledger what every cluster used in the clock hour, in one transaction and one set-based statement. Gives how
 * many rows, or undefined for an hour that is closed already: nothing is written twice, by however many processes.
 */
export async function closeHour({ pool }: Pick<Database, 'pool'>, hour: Date, now: Date): Promise<number | undefined> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('BEGIN');
    await client.query(PATIENCE);
    await client.query(LOCK_LEDGER);
    const { rowCount: known } = await client.query('SELECT FROM usage_hours WHERE hour = $1', [hour]);
    if (known) {
      await client.query('ROLLBACK');
      return undefined;
    }
    const { rows: closedBefore } = await client.query<{ id: string }>(CLOSED_BEFORE, [hour]);
    await client.query({ text: CARRY_COUNTS, values: [hour, null], ...{ query_timeout: minutes(5) } });
    const { rowCount } = await client.query({
      text: CLOSE,
      values: [hour, hourAfter(hour), null, now],
      // The client's own patience is for requests as well.
      ...{ query_timeout: minutes(5) },
    });
    await client.query(MARK, [hour, now, rowCount ?? 0]);
    // An application that Azure did not delete after all used more than was written down for it.
    const only = closedBefore.map(({ id }) => id);
    const reason = 'The hour had been closed for the installation before it was over.';
    if (only.length > 0) await addCorrections(client, hour, { reason, recordedBy: 'hour-close', now }, only);
    await client.query('COMMIT');
    return rowCount ?? 0;
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    // Whatever state the connection was left in, nobody else gets it.
    client.release(failure);
  }
}

/** Hours that have ended long enough ago and are not in the ledger, oldest first; all since the first cluster was ready. */
export async function hoursToClose({ pool }: Pick<Database, 'pool'>, now: Date): Promise<Date[]> {
  const { rows } = await pool.query<{ hour: Date | null }>(NEXT_HOUR);
  const from = rows[0]?.hour;
  return from ? hoursOf({ from, to: hourOf(new Date(now.getTime() - CLOSE_AFTER)) }) : [];
}

/** Closes every hour that is due, oldest first, and gives those that this call has closed. Safe to call at any time. */
export async function closeDueHours(database: Pick<Database, 'pool'>, now: Date): Promise<Date[]> {
  const closed: Date[] = [];
  for (const hour of await hoursToClose(database, now))
    if ((await closeHour(database, hour, now)) !== undefined) closed.push(hour);
  return closed;
}
