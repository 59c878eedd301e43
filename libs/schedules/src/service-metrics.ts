import type { Database } from '@managed-consul/database';
import type { Metrics } from '@managed-consul/observability';

interface Row {
  labels: Record<string, string>;
  value: number;
}

const DUE = `FROM operations WHERE state IN ('Pending', 'Running') AND wake_at < now() AND (lease_until IS NULL OR lease_until < now())`;

const QUEUE_AGE = `SELECT '{}'::json AS labels, coalesce(extract(epoch FROM now() - min(wake_at)), 0)::float8 AS value ${DUE}`;

const QUEUE_DUE = `SELECT '{}'::json AS labels, count(*)::int AS value ${DUE}`;

/** Of each living cluster the newest snapshot that was verified, and of those the oldest. */
const SNAPSHOT_AGE = `
  SELECT '{}'::json AS labels, extract(epoch FROM now() - min(newest))::float8 AS value
  FROM (SELECT max(s.verified_at) AS newest FROM snapshots s JOIN clusters c ON c.id = s.cluster_id
        WHERE c.deleted_at IS NULL AND s.state = 'VERIFIED' GROUP BY s.cluster_id) AS of_each
  HAVING count(*) > 0`;

/**
 * The newest certificate of a purpose is in force, and those of servers that are gone do not count. A purpose may name a
 * machine after its slash, which must not become a label.
 */
const CERTIFICATE_DAYS = `
  SELECT json_build_object('purpose', split_part(purpose, '/', 1)) AS labels, (extract(epoch FROM min(not_after) - now()) / 86400)::float8 AS value
  FROM (SELECT DISTINCT ON (ce.owner, ce.purpose) ce.purpose, ce.not_after
        FROM certificates ce JOIN clusters c ON ce.owner = 'cluster/' || c.id
        WHERE c.deleted_at IS NULL AND (ce.purpose NOT LIKE 'server/%' OR EXISTS (
          SELECT FROM servers s WHERE s.cluster_id = c.id AND s.membership = 'Member' AND ce.purpose = 'server/' || s.vm_id))
        ORDER BY ce.owner, ce.purpose, ce.not_before DESC, ce.id DESC) AS in_force
  GROUP BY split_part(purpose, '/', 1)`;

const OVERDUE = `SELECT json_build_object('kind', kind) AS labels, count(*)::int AS value FROM operations
  WHERE state IN ('Pending', 'Running') AND paged_at IS NOT NULL GROUP BY kind`;

/** How the service keeps up with its work, each figure read from the database when it is asked for. The same from every worker. */
export function addServiceMetrics(metrics: Metrics, { pool }: Database): void {
  const read = (statement: string) => async () => (await pool.query<Row>(statement)).rows;
  metrics.gauge(
    'managed_consul_queue_age_seconds',
    'How long the operation that has waited longest for a worker is past its time; 0 when none is.',
    [],
    read(QUEUE_AGE),
  );
  metrics.gauge(
    'managed_consul_queue_due_operations',
    'Operations whose time has come and that no worker holds.',
    [],
    read(QUEUE_DUE),
  );
  metrics.gauge(
    'managed_consul_snapshot_age_seconds',
    'Age of the newest verified snapshot of the living cluster for which it is oldest.',
    [],
    read(SNAPSHOT_AGE),
  );
  metrics.gauge(
    'managed_consul_certificate_days',
    'Days until the first certificate of a living cluster ends, by purpose.',
    ['purpose'],
    read(CERTIFICATE_DAYS),
  );
  metrics.gauge(
    'managed_consul_operations_overdue',
    'Unfinished operations that take longer than their workflow allows.',
    ['kind'],
    read(OVERDUE),
  );
}
