import type { Database } from '@managed-consul/database';
import type { Metrics } from '@managed-consul/observability';

interface Row {
  labels: Record<string, string>;
  value: number;
}

/** Schedules whose time passed more than a minute ago: nobody has taken them, or what is due cannot be done. */
const LATE = `SELECT json_build_object('schedule', kind) AS labels, count(*)::int AS value FROM cluster_schedules
  WHERE due_at < now() - interval '1 minute' GROUP BY kind`;

const OPERATIONS = `SELECT json_build_object('kind', kind, 'state', state) AS labels, count(*)::int AS value FROM operations
  WHERE created_at > now() - interval '1 day' GROUP BY kind, state`;

const CONDITIONS = `SELECT json_build_object('type', seen ->> 'type', 'status', seen ->> 'status', 'reason', seen ->> 'reason') AS labels,
    count(*)::int AS value
  FROM clusters, jsonb_array_elements(conditions) AS seen WHERE deleted_at IS NULL GROUP BY seen ->> 'type', seen ->> 'status', seen ->> 'reason'`;

const MISSED_SNAPSHOTS = `SELECT '{}'::json AS labels, count(*)::int AS value FROM clusters
  WHERE deleted_at IS NULL AND conditions @> '[{"type": "BackedUp", "status": "False"}]'`;

/** The fleet in figures, each read from the database when it is asked for. The same from every worker. */
export function addFleetMetrics(metrics: Metrics, { pool }: Database): void {
  const read = (statement: string) => async () => (await pool.query<Row>(statement)).rows;
  metrics.gauge('managed_consul_schedules_late', 'Looks at clusters that are late by over a minute.', ['schedule'], read(LATE));
  metrics.gauge(
    'managed_consul_operations',
    'Operations of the last day by kind and state; repairs are of the kind repair-cluster.',
    ['kind', 'state'],
    read(OPERATIONS),
  );
  metrics.gauge(
    'managed_consul_cluster_conditions',
    'Living clusters by what was last seen of them.',
    ['type', 'status', 'reason'],
    read(CONDITIONS),
  );
  metrics.gauge('managed_consul_snapshots_missed', 'Living clusters whose snapshot is overdue.', [], read(MISSED_SNAPSHOTS));
}
