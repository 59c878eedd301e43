import type { Database, Transaction } from '@managed-consul/database';

/** What is open between the ledger and Azure, in the ledger's own units of each dimension, and in events. */
export interface OwedUsage {
  readonly dimension: string;
  /** In closed hours, and no event tells of it yet. */
  readonly unplanned: string;
  readonly pending: string;
  readonly parked: string;
  readonly unresolved: string;
  /** Units of the dimension that Azure took less than was sent; negative: more. */
  readonly mismatchedUnits: string;
  readonly parkedEvents: number;
  readonly lateEvents: number;
}

const OWED = `
WITH rows AS (
  SELECT r.id, NULL AS dimension FROM usage_records r
  WHERE r.id > (SELECT coalesce(max(through_record_id), 0) FROM usage_emission_progress)
  UNION ALL SELECT record_id, dimension FROM usage_emission_sources WHERE emission_id IS NULL
),
unplanned AS (
  SELECT part.dimension, sum(part.amount) AS amount
  FROM rows JOIN usage_records r ON r.id = rows.id JOIN installations i ON i.id = r.installation_id CROSS JOIN LATERAL usage_parts(r) part
  WHERE i.kind = 'ManagedApplication' AND i.application_definition_id IS NULL AND (rows.dimension IS NULL OR rows.dimension = part.dimension)
  GROUP BY 1
),
events AS (
  SELECT dimension,
    sum(ledger_quantity) FILTER (WHERE state = 'Pending') AS pending,
    sum(ledger_quantity) FILTER (WHERE state = 'Parked') AS parked,
    sum(ledger_quantity) FILTER (WHERE state = 'Unresolved') AS unresolved,
    sum(quantity - accepted_quantity) FILTER (WHERE state = 'Mismatched') AS mismatched,
    count(*) FILTER (WHERE state = 'Parked')::int AS parked_events,
    count(*) FILTER (WHERE state = 'Pending' AND hour < $1::timestamptz - interval '2 hours')::int AS late_events
  FROM usage_emissions WHERE state IN ('Pending', 'Parked', 'Unresolved', 'Mismatched') GROUP BY dimension
)
SELECT coalesce(u.dimension, e.dimension) AS dimension, coalesce(u.amount, 0)::text AS unplanned, coalesce(e.pending, 0)::text AS pending,
  coalesce(e.parked, 0)::text AS parked, coalesce(e.unresolved, 0)::text AS unresolved, coalesce(e.mismatched, 0)::text AS "mismatchedUnits",
  coalesce(e.parked_events, 0) AS "parkedEvents", coalesce(e.late_events, 0) AS "lateEvents"
FROM unplanned u FULL JOIN events e ON e.dimension = u.dimension ORDER BY 1`;

/** What is owed to Azure, by dimension; a dimension of which nothing is owed is not there. */
export async function readOwedUsage({ pool }: Database, now: Date): Promise<OwedUsage[]> {
  return (await pool.query<OwedUsage>(OWED, [now])).rows;
}

/**
 * Lets parked events be sent again, once somebody has mended what they were refused for. Gives how many. Those that have become
 * too old meanwhile are sorted out as any other: what they tell goes into a later hour.
 */
export async function sendParkedAgain(
  database: Database['prisma'] | Transaction,
  installationId: string,
  now: Date,
): Promise<number> {
  const where = { installationId, state: 'Parked' as const };
  return (await database.usageEmission.updateMany({ where, data: { state: 'Pending', nextTryAt: now } })).count;
}
