import type { Database } from '@managed-consul/database';
import { whilePlanningAlone } from './emission-lock';
import { earliestHour } from './time-limit';

/** Events that have become too old to be sent. */
export interface PastLimit {
  /** Not taken: what they told goes into a later hour. */
  readonly expired: number;
  /** Perhaps taken: Azure's report will tell. */
  readonly unresolved: number;
}

const GIVE_UP = `UPDATE usage_emissions SET state = 'Unresolved' WHERE state = 'Pending' AND hour < $1 AND next_try_at <= $2 AND may_be_taken RETURNING id`;
const EXPIRE = `UPDATE usage_emissions SET state = 'Expired' WHERE state = 'Pending' AND hour < $1 AND NOT may_be_taken RETURNING id`;

/** Takes events out of the totals and gives their rows back to be collected again. */
export const RELEASE = `
WITH gone AS (SELECT id, resource_id, dimension, ledger_quantity, quantity FROM usage_emissions WHERE id = ANY($1::uuid[])),
freed AS (UPDATE usage_emission_sources s SET emission_id = NULL FROM gone WHERE s.emission_id = gone.id RETURNING 1)
UPDATE usage_emission_totals t SET ledger_quantity = t.ledger_quantity - g.ledger_quantity, quantity = t.quantity - g.quantity
FROM (SELECT resource_id, dimension, sum(ledger_quantity) AS ledger_quantity, sum(quantity) AS quantity FROM gone GROUP BY 1, 2) g
WHERE t.resource_id = g.resource_id AND t.dimension = g.dimension`;

/** Sorts out events that can no longer be sent. May run twice, and side by side. */
export async function sortOutPastLimit(database: Database, now: Date): Promise<PastLimit> {
  return whilePlanningAlone(database, async (connection) => {
    const unresolved = await connection.query(GIVE_UP, [earliestHour(now), now]);
    const expired = await connection.query<{ id: string }>(EXPIRE, [earliestHour(now)]);
    if (expired.rows.length > 0) await connection.query(RELEASE, [expired.rows.map(({ id }) => id)]);
    return { expired: expired.rows.length, unresolved: unresolved.rows.length };
  });
}
