import { keepScheduleDue } from '@managed-consul/clusters';
import { hours, minutes, type Milliseconds } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';

/** Until a snapshot of the schedule that failed is tried again; each failure in a row doubles it. */
const FIRST_RETRY: Milliseconds = minutes(5);
const LONGEST_RETRY: Milliseconds = hours(6);

const FAILURES_IN_A_ROW = `SELECT count(*)::int AS count FROM snapshots
  WHERE cluster_id = $1::uuid AND kind = 'SCHEDULED' AND state = 'FAILED' AND created_at > coalesce(
    (SELECT max(created_at) FROM snapshots WHERE cluster_id = $1::uuid AND state = 'VERIFIED'), '-infinity')`;

/** A snapshot of the schedule that failed, `since` when it was asked for, is still due and tried again before the next turn. */
export async function retryScheduledSnapshot(
  tx: Transaction,
  { clusterId, since, now }: { clusterId: string; since: Date; now: Date },
): Promise<void> {
  const [row] = await tx.$queryRawUnsafe<{ count: number }[]>(FAILURES_IN_A_ROW, clusterId);
  const delay = Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** Math.max(0, (row?.count ?? 1) - 1));
  await keepScheduleDue(tx, { clusterId, kind: 'snapshot', since, lookAt: new Date(now.getTime() + delay) });
}

const CATCH_UP = `UPDATE cluster_schedules AS row SET due_at = least(due_at, $2::timestamptz), look_at = $2::timestamptz
  FROM clusters WHERE clusters.id = $1::uuid AND row.cluster_id = clusters.id AND row.kind = 'snapshot' AND NOT EXISTS (
    SELECT FROM snapshots WHERE cluster_id = $1::uuid AND state = 'VERIFIED' AND deleted_at IS NULL
      AND created_at > $2::timestamptz - clusters.snapshot_interval_seconds * interval '1 second')`;

/** A cluster that runs again after a time without snapshots takes one now, if its newest good one is older than its interval. */
export async function catchUpSnapshot(tx: Transaction, clusterId: string, now: Date): Promise<void> {
  await tx.$executeRawUnsafe(CATCH_UP, clusterId, now);
}
