import type { ScheduleKind } from '@managed-consul/clusters';
import type { Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import type { StillDue } from './schedule';

/** A look that this process has taken; nobody else takes it before `leasedUntil`. */
export interface TakenLook {
  readonly clusterId: string;
  readonly kind: ScheduleKind;
  readonly dueAt: Date;
  readonly leasedUntil: Date;
}

/**
 * `$1` now, `$2` kinds and `$3` how many of each, `$4` lease end. Rows that another process is taking at this moment are passed
 * over; the time of the next look, pushed forward, is the lease.
 */
const TAKE = `WITH due AS (
    SELECT waiting.cluster_id, waiting.kind FROM unnest($2::text[], $3::int[]) AS room(kind, places) CROSS JOIN LATERAL (
      SELECT cluster_id, kind FROM cluster_schedules
      WHERE kind = room.kind AND look_at <= $1 ORDER BY look_at LIMIT room.places FOR UPDATE SKIP LOCKED) AS waiting)
  UPDATE cluster_schedules AS row SET look_at = $4 FROM due
  WHERE row.cluster_id = due.cluster_id AND row.kind = due.kind
  RETURNING row.cluster_id::text AS "clusterId", row.kind, row.due_at AS "dueAt", row.look_at AS "leasedUntil"`;

/** Only while the row is as it was taken: whoever has set another time meanwhile knows better. */
const MINE = 'cluster_id = $1::uuid AND kind = $2 AND look_at = $3';

/** The table of what is due when. Cost follows what is due, not what exists. */
export class DueLooks {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Takes of each kind as many looks as there is room for, those first that have waited longest, for `lease`. */
  async take(now: Date, room: ReadonlyMap<ScheduleKind, number>, lease: Milliseconds): Promise<TakenLook[]> {
    const until = new Date(now.getTime() + lease);
    return (await this.#database.pool.query<TakenLook>(TAKE, [now, [...room.keys()], [...room.values()], until])).rows;
  }

  /** Ends a look: the next is due at `next`, or never when that is undefined. */
  async end({ clusterId, kind, leasedUntil }: TakenLook, next: Date | StillDue | undefined): Promise<void> {
    const mine = [clusterId, kind, leasedUntil];
    const { pool } = this.#database;
    if (!next) await pool.query(`DELETE FROM cluster_schedules WHERE ${MINE}`, mine);
    else if (next instanceof Date)
      await pool.query(`UPDATE cluster_schedules SET due_at = $4, look_at = $4 WHERE ${MINE}`, [...mine, next]);
    else await pool.query(`UPDATE cluster_schedules SET look_at = $4 WHERE ${MINE}`, [...mine, next.lookAgainAt]);
  }
}
