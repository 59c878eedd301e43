import type { Database } from '@managed-consul/database';
import { whilePlanningAlone } from './emission-lock';
import { earliestHour } from './time-limit';

/** Waits for whoever writes into the ledger and keeps others from it: then every row up to the last one is there to be seen. */
const STAND_STILL = `LOCK TABLE usage_records IN SHARE MODE`;
const THROUGH = `SELECT coalesce(max(id), 0) AS through FROM usage_records`;
/** A closed hour of many clusters takes longer than a request may. */
const PATIENCE = `SET LOCAL statement_timeout = '300s'`;

/**
 * What rows of applications from the Marketplace change in each dimension (`usage_parts`), and no event tells of. It goes into the
 * event of its row's own hour while that can still be made; else it is carried into that of the last closed hour; for an application
 * that is deleted the hour in which its usage ended is closed. What would come to nothing, or to less, waits for more.
 * What rounding to six places leaves over is in the totals, so that all events together come to the rounded whole.
 */
const COLLECT = `
WITH latest AS (SELECT max(hour) AS hour FROM usage_hours WHERE hour <= $2::timestamptz - interval '1 hour'),
unplanned AS (
  SELECT r.id, NULL AS dimension FROM usage_records r
  WHERE r.id > (SELECT coalesce(max(through_record_id), 0) FROM usage_emission_progress)
  UNION ALL
  SELECT record_id, dimension FROM usage_emission_sources WHERE emission_id IS NULL
),
owed AS MATERIALIZED (
  SELECT r.id, r.hour, part.amount AS quantity, greatest(l.hour, date_trunc('hour', i.usage_closed_at, 'UTC')) AS latest,
    i.id AS installation_id, i.plan_id, i.billing_resource_usage_id AS resource_id, part.dimension,
    CASE r.meter WHEN 'snapshot-storage' THEN 3600::numeric * 1073741824 ELSE 3600 END AS unit
  FROM unplanned u JOIN usage_records r ON r.id = u.id JOIN installations i ON i.id = r.installation_id CROSS JOIN latest l
    CROSS JOIN LATERAL usage_parts(r) part
  WHERE i.kind = 'ManagedApplication' AND i.application_definition_id IS NULL AND (u.dimension IS NULL OR u.dimension = part.dimension)
),
placed AS (
  SELECT o.*, own.id IS NOT NULL OR o.hour < $1 AS carried,
    CASE WHEN own.id IS NULL AND o.hour >= $1 THEN o.hour ELSE o.latest END AS slot
  FROM owed o
  LEFT JOIN usage_emissions own ON own.resource_id = o.resource_id AND own.dimension = o.dimension AND own.hour = o.hour
  WHERE o.resource_id IS NOT NULL AND o.hour <= o.latest AND o.latest >= $1
),
grouped AS (
  SELECT p.resource_id, p.dimension, p.slot, p.latest, p.unit, min(p.installation_id::text)::uuid AS installation_id, max(p.plan_id) AS plan_id,
    sum(p.quantity) AS amount, coalesce(sum(p.quantity) FILTER (WHERE p.carried), 0) AS carried, array_agg(p.id) AS ids
  FROM placed p
  WHERE NOT EXISTS (SELECT 1 FROM usage_emissions e WHERE e.resource_id = p.resource_id AND e.dimension = p.dimension AND e.hour = p.slot)
  GROUP BY p.resource_id, p.dimension, p.slot, p.latest, p.unit
),
summed AS (
  SELECT g.*, coalesce(t.quantity, 0) AS told,
    round((coalesce(t.ledger_quantity, 0) + sum(g.amount) OVER upto) / g.unit, 6) AS until_here,
    coalesce(t.ledger_quantity, 0) + sum(g.amount) OVER upto AS ledger_until_here
  FROM grouped g LEFT JOIN usage_emission_totals t ON t.resource_id = g.resource_id AND t.dimension = g.dimension
  WINDOW upto AS (PARTITION BY g.resource_id, g.dimension ORDER BY g.slot)
),
measured AS (
  SELECT s.*, until_here - lag(until_here, 1, told) OVER (PARTITION BY resource_id, dimension ORDER BY slot) AS quantity FROM summed s
),
judged AS (
  SELECT m.*, min(quantity) OVER w AS least, max(slot) OVER w AS last_slot FROM measured m
  WINDOW w AS (PARTITION BY resource_id, dimension)
),
chosen AS (
  SELECT resource_id, dimension, slot, installation_id, plan_id, amount, carried, quantity, ids FROM judged WHERE least > 0
  UNION ALL
  SELECT resource_id, dimension, latest, min(installation_id::text)::uuid, max(plan_id), sum(amount),
    sum(amount) - coalesce(sum(amount - carried) FILTER (WHERE slot = latest), 0), max(until_here) FILTER (WHERE slot = last_slot) - max(told),
    (SELECT array_agg(id) FROM placed p WHERE p.resource_id = judged.resource_id AND p.dimension = judged.dimension
      AND p.slot IN (SELECT g.slot FROM grouped g WHERE g.resource_id = p.resource_id AND g.dimension = p.dimension))
  FROM judged WHERE least <= 0
    AND NOT EXISTS (SELECT 1 FROM usage_emissions e WHERE e.resource_id = judged.resource_id AND e.dimension = judged.dimension AND e.hour = judged.latest)
  GROUP BY resource_id, dimension, latest
  HAVING max(until_here) FILTER (WHERE slot = last_slot) - max(told) > 0
),
planned AS (
  INSERT INTO usage_emissions (id, installation_id, resource_id, dimension, hour, plan_id, ledger_quantity, carried_quantity, quantity, next_try_at, created_at)
  SELECT gen_random_uuid(), installation_id, resource_id, dimension, slot, plan_id, amount, carried, quantity, $2, $2 FROM chosen
  RETURNING id, resource_id, dimension, hour
),
told AS (
  INSERT INTO usage_emission_sources (record_id, dimension, emission_id)
  SELECT unnest(c.ids), c.dimension, p.id FROM chosen c
  JOIN planned p ON p.resource_id = c.resource_id AND p.dimension = c.dimension AND p.hour = c.slot
  ON CONFLICT (record_id, dimension) DO UPDATE SET emission_id = EXCLUDED.emission_id RETURNING record_id
),
waiting AS (
  INSERT INTO usage_emission_sources (record_id, dimension)
  SELECT id, dimension FROM owed WHERE (id, dimension) NOT IN (SELECT unnest(ids), dimension FROM chosen)
  ON CONFLICT DO NOTHING RETURNING record_id
),
counted AS (
  INSERT INTO usage_emission_totals AS t (resource_id, dimension, ledger_quantity, quantity)
  SELECT resource_id, dimension, sum(amount), sum(quantity) FROM chosen GROUP BY resource_id, dimension
  ON CONFLICT (resource_id, dimension) DO UPDATE
    SET ledger_quantity = t.ledger_quantity + EXCLUDED.ledger_quantity, quantity = t.quantity + EXCLUDED.quantity
  RETURNING 1
)
SELECT (SELECT count(*)::int FROM planned) AS planned, (SELECT count(*)::int FROM chosen WHERE carried <> 0) AS carried`;

const ADVANCE = `INSERT INTO usage_emission_progress AS p (id, through_record_id) VALUES (1, $1)
  ON CONFLICT (id) DO UPDATE SET through_record_id = greatest(p.through_record_id, EXCLUDED.through_record_id)`;

/** How many events were planned, and how many of them carry usage of other hours. */
export interface Collected {
  readonly planned: number;
  readonly carried: number;
}

/** Plans the events of all usage in closed hours that no event tells of yet. Sends nothing. May run twice, and side by side. */
export async function collectOwedUsage(database: Database, now: Date): Promise<Collected> {
  return whilePlanningAlone(database, async (connection) => {
    await connection.query(PATIENCE);
    await connection.query(STAND_STILL);
    const { rows: seen } = await connection.query<{ through: string }>(THROUGH);
    const { rows } = await connection.query<Collected>(COLLECT, [earliestHour(now), now]);
    await connection.query(ADVANCE, [seen[0]?.through ?? 0]);
    return rows[0] ?? { planned: 0, carried: 0 };
  });
}
