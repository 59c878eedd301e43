import { systemClock, type Clock } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import type { Metrics } from '@managed-consul/observability';
import { hoursToClose } from '@managed-consul/usage';

const EVENTS = `SELECT state::text, count(*)::int AS value FROM usage_emissions
  WHERE state IN ('Pending', 'Parked', 'Unresolved', 'Mismatched') GROUP BY state`;

/** Azure takes an event for 24 hours: at this age of the oldest there is that much less time left. */
const OLDEST = `SELECT coalesce(extract(epoch FROM $1::timestamptz - min(hour) - interval '1 hour'), 0)::float AS value
  FROM usage_emissions WHERE state = 'Pending'`;

const CARRIED = `SELECT count(*)::int AS value FROM usage_emissions
  WHERE carried_quantity <> 0 AND created_at > $1::timestamptz - interval '1 day'`;

const MISMATCHED_DAYS = `SELECT count(*)::int AS value FROM usage_mismatches`;

const WRONG_HOURS = `SELECT count(*)::int AS value FROM usage_checks WHERE differences > 0`;

/** Clusters that were billed all through the last closed hour, and of which it says nothing. */
const UNCOVERED = `SELECT count(*)::int AS value FROM usage_periods period, (SELECT max(hour) AS hour FROM usage_hours) last
  WHERE period.charged AND period.starts_at <= last.hour
    AND (period.ends_at IS NULL OR period.ends_at >= last.hour + interval '1 hour')
    AND NOT EXISTS (SELECT FROM usage_records record WHERE record.hour = last.hour AND record.cluster_id = period.cluster_id
      AND record.meter LIKE 'cluster/%')`;

interface StateRow {
  state: string;
  value: number;
}

/** What is owed, late, refused or wrong of usage, each read from the database when it is asked for. The same from every worker. */
export function addUsageMetrics(metrics: Metrics, database: Database, clock: Clock = systemClock): void {
  const { pool } = database;
  const read = (statement: string) => async () => {
    const values = statement.includes('$1') ? [clock.now()] : [];
    const { rows } = await pool.query<{ value: number }>(statement, values);
    return rows.map(({ value }) => ({ labels: {}, value }));
  };
  metrics.gauge('managed_consul_usage_events', 'Events that the Marketplace has not taken, by state.', ['state'], async () => {
    const { rows } = await pool.query<StateRow>(EVENTS);
    return rows.map(({ state, value }) => ({ labels: { state }, value }));
  });
  metrics.gauge(
    'managed_consul_usage_oldest_unsent_seconds',
    'Since the hour of the oldest unsent event ended; after 24 h it is carried.',
    [],
    read(OLDEST),
  );
  metrics.gauge(
    'managed_consul_usage_carried_events',
    'Events of the last day that tell of earlier hours than their own.',
    [],
    read(CARRIED),
  );
  metrics.gauge(
    'managed_consul_usage_mismatched_days',
    "Days of a resource for which Azure's report says something else.",
    [],
    read(MISMATCHED_DAYS),
  );
  metrics.gauge(
    'managed_consul_usage_wrong_hours',
    'Closed hours that say something else than what happened.',
    [],
    read(WRONG_HOURS),
  );
  metrics.gauge(
    'managed_consul_usage_uncovered_clusters',
    'Billed clusters that the last closed hour says nothing of.',
    [],
    read(UNCOVERED),
  );
  metrics.gauge('managed_consul_usage_unclosed_hours', 'Hours that are over and not in the ledger.', [], async () => {
    return [{ labels: {}, value: (await hoursToClose(database, clock.now())).length }];
  });
}
