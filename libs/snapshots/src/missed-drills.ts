import { keepScheduleDue, OPERATION_KINDS } from '@managed-consul/clusters';
import { hours, type Milliseconds } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';

/** Until a drill of the schedule that was not possible is tried again; each in a row doubles it. */
const FIRST_RETRY: Milliseconds = hours(1);
const LONGEST_RETRY: Milliseconds = hours(24);

/** How a drill ends that has shown its snapshot to be bad: that is an answer, and needs no other try. */
export const DRILL_FAILED = 'DrillFailed';

/** `$1` cluster, `$2` kind, `$3` this drill, `$4` the code of a verdict: drills before it, since the last that gave an answer. */
const IN_A_ROW = `SELECT count(*)::int AS count FROM operations
  WHERE cluster_id = $1::uuid AND kind = $2 AND id <> $3::uuid AND state = 'Failed' AND created_at > coalesce(
    (SELECT max(created_at) FROM operations WHERE cluster_id = $1::uuid AND kind = $2 AND id <> $3::uuid
      AND (state = 'Succeeded' OR error_code = $4)), '-infinity')`;

/** A drill of the schedule that ended without an answer, `since` when it was asked for, is tried again long before the next turn. */
export async function retryScheduledDrill(
  tx: Transaction,
  { clusterId, operationId, since, now }: { clusterId: string; operationId: string; since: Date; now: Date },
): Promise<void> {
  const facts = [clusterId, OPERATION_KINDS.drillSnapshot, operationId, DRILL_FAILED];
  const [row] = await tx.$queryRawUnsafe<{ count: number }[]>(IN_A_ROW, ...facts);
  const delay = Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** (row?.count ?? 0));
  await keepScheduleDue(tx, { clusterId, kind: 'drill', since, lookAt: new Date(now.getTime() + delay) });
}
