import { systemClock, type Clock } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';

/** How much is to be done, who works on it, and what fails again and again. */
export interface QueueState {
  unfinished: { kind: string; pending: number; running: number }[];
  due: number;
  oldestDueSeconds: number | null;
  workers: { name: string; leases: number; leaseUntil: string }[];
  expiredLeases: number;
  failing: { operationId: string; kind: string; step: string; failures: number }[];
}

const UNFINISHED = `SELECT kind, count(*) FILTER (WHERE state = 'Pending')::int AS pending,
    count(*) FILTER (WHERE state = 'Running')::int AS running
  FROM operations WHERE state IN ('Pending', 'Running') GROUP BY kind ORDER BY kind`;

const DUE = `SELECT count(*)::int AS due, extract(epoch FROM $1::timestamptz - min(wake_at))::float8 AS "oldestDueSeconds"
  FROM operations WHERE wake_at <= $1 AND lease_owner IS NULL`;

const WORKERS = `SELECT lease_owner AS name, count(*)::int AS leases, max(lease_until) AS "leaseUntil"
  FROM operations WHERE state = 'Running' AND lease_owner IS NOT NULL AND lease_until > $1 GROUP BY lease_owner ORDER BY lease_owner`;

const EXPIRED = `SELECT count(*)::int AS expired FROM operations
  WHERE state = 'Running' AND lease_owner IS NOT NULL AND lease_until <= $1`;

const FAILING = `SELECT o.id::text AS "operationId", o.kind, s.name AS step, s.failures
  FROM operations o JOIN operation_steps s ON s.operation_id = o.id
  WHERE o.state IN ('Pending', 'Running') AND s.failures > 0 AND s.state <> 'Succeeded'
  ORDER BY s.failures DESC, o.id LIMIT 20`;

/** Reads it, from PostgreSQL: Redis holds only bells. */
export async function readQueue({ pool }: Database, clock: Clock = systemClock): Promise<QueueState> {
  const now = clock.now();
  const read = async <Row>(text: string, values: unknown[] = []): Promise<Row[]> =>
    (await pool.query(text, values)).rows as Row[];
  const [depth] = await read<Pick<QueueState, 'due' | 'oldestDueSeconds'>>(DUE, [now]);
  const [lapsed] = await read<{ expired: number }>(EXPIRED, [now]);
  const workers = await read<{ name: string; leases: number; leaseUntil: Date }>(WORKERS, [now]);
  return {
    unfinished: await read(UNFINISHED),
    due: depth?.due ?? 0,
    oldestDueSeconds: depth?.oldestDueSeconds ?? null,
    workers: workers.map((worker) => ({ ...worker, leaseUntil: worker.leaseUntil.toISOString() })),
    expiredLeases: lapsed?.expired ?? 0,
    failing: await read(FAILING),
  };
}
