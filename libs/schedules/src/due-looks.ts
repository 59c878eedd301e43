import type { ScheduleKind } from '@managed-consul/clusters';
import type { Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';

/** A look that this process has taken; nobody else takes it before `leasedUntil`. */
export interface TakenLook {
  readonly clusterId: string;
  readonly kind: ScheduleKind;
  readonly dueAt: Date;
  readonly leasedUntil: Date;
}

/** Rows that another process is taking at this moment are passed over; the time pushed forward is the lease. */
const TAKE = `WITH due AS (
    SELECT cluster_id, kind, due_at FROM cluster_schedules
    WHERE due_at <= $1 AND kind = ANY($2) ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
  UPDATE cluster_schedules AS row SET due_at = $4 FROM due
  WHERE row.cluster_id = due.cluster_id AND row.kind = due.kind
  RETURNING row.cluster_id::text AS "clusterId", row.kind, due.due_at AS "dueAt", row.due_at AS "leasedUntil"`;

/** Only while the row is as it was taken: whoever has set another time meanwhile knows better. */
const MINE = 'cluster_id = $1::uuid AND kind = $2 AND due_at = $3';

/** The table of what is due when. Cost follows what is due, not what exists. */
export class DueLooks {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Takes up to `limit` looks that are due, the longest due first, for `lease`. */
  async take(now: Date, kinds: readonly ScheduleKind[], limit: number, lease: Milliseconds): Promise<TakenLook[]> {
    const until = new Date(now.getTime() + lease);
    return (await this.#database.pool.query<TakenLook>(TAKE, [now, kinds, limit, until])).rows;
  }

  /** Ends a look: the next is at `next`, or never when that is undefined. */
  async end({ clusterId, kind, leasedUntil }: TakenLook, next: Date | undefined): Promise<void> {
    const mine = [clusterId, kind, leasedUntil];
    if (next) await this.#database.pool.query(`UPDATE cluster_schedules SET due_at = $4 WHERE ${MINE}`, [...mine, next]);
    else await this.#database.pool.query(`DELETE FROM cluster_schedules WHERE ${MINE}`, mine);
  }
}
