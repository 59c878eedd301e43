import type { Database } from '@managed-consul/database';
import { hourAfter, hourOf, hoursOf } from './hour';
import { BY_REMOVAL, LOCK_LEDGER, NEXT_HOUR, PATIENCE } from './ledger.statements';
import { MEASURE } from './measure.statement';
import { CARRY_COUNTS } from './service-instances';

/** Only the first call says when; the trigger of the clusters ends their periods by the same clock. */
const CLOSE_PLACE = `UPDATE installations SET usage_closed_at = coalesce(usage_closed_at, date_trunc('second', $2::timestamptz))
  WHERE id = $1 RETURNING usage_closed_at AS "closedAt"`;
const SAY_WHEN = `SELECT set_config('managed_consul.usage_time', $1, true)`;
const CLOSE_CLUSTERS = `UPDATE clusters SET usage_closed = true WHERE installation_id = $1 AND NOT usage_closed`;

const CLOSE = `INSERT INTO usage_records (hour, cluster_id, installation_id, meter, plan_id, price_id, seconds, quantity, recorded_by, recorded_at)
  SELECT $1::timestamptz, cluster_id, installation_id, meter, plan_id, price_id, seconds, quantity, '${BY_REMOVAL}', $4::timestamptz
  FROM (${MEASURE}) AS measured
  ON CONFLICT DO NOTHING`;

/**
 * Ends the billing of a place that goes away, and writes every hour of it that is not closed into the ledger, the running one as
 * far as it got: Azure takes usage of an application only while that is there. Gives when billing ended; called again the same,
 * and nothing is written twice. The hours themselves are closed later as ever.
 */
export async function closeInstallation({ pool }: Pick<Database, 'pool'>, installationId: string, now: Date): Promise<Date> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('BEGIN');
    await client.query(PATIENCE);
    await client.query(LOCK_LEDGER);
    const { rows } = await client.query<{ closedAt: Date }>(CLOSE_PLACE, [installationId, now]);
    const closedAt = rows[0]?.closedAt;
    if (!closedAt) throw new Error(`There is no installation ${installationId}.`);
    await client.query(SAY_WHEN, [closedAt.toISOString()]);
    await client.query(CLOSE_CLUSTERS, [installationId]);
    const next = (await client.query<{ hour: Date | null }>(NEXT_HOUR)).rows[0]?.hour;
    for (const hour of next ? hoursOf({ from: next, to: hourAfter(hourOf(closedAt)) }) : []) {
      await client.query(CARRY_COUNTS, [hour, [installationId]]);
      await client.query(CLOSE, [hour, hourAfter(hour), [installationId], now]);
    }
    await client.query('COMMIT');
    return closedAt;
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    // Whatever state the connection was left in, nobody else gets it.
    client.release(failure);
  }
}

/** Goes on with the billing of a place that was not deleted after all. The hour that was closed early is put right when it ends. */
export async function reopenInstallation({ pool }: Pick<Database, 'pool'>, installationId: string, now: Date): Promise<void> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('BEGIN');
    await client.query(LOCK_LEDGER);
    await client.query(SAY_WHEN, [now.toISOString()]);
    await client.query('UPDATE clusters SET usage_closed = false WHERE installation_id = $1 AND usage_closed', [installationId]);
    await client.query('UPDATE installations SET usage_closed_at = NULL WHERE id = $1', [installationId]);
    await client.query('COMMIT');
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    client.release(failure);
  }
}
