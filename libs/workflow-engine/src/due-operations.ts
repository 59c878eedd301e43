import type { Database } from '@managed-consul/database';
import type { OperationRecord } from './operation-record';
import { DUE, MARK_OVERDUE, RECLAIM } from './operation-statements';
import type { WakeCall } from './operation-store';

/** Where a page of due operations ended. */
interface DueOperation extends WakeCall {
  readonly wakeAt: Date;
}

/** Finds operations that nobody works on although they are due. Cost follows what is due, not what exists. */
export class DueOperations {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Takes the leases that ran out from their holders. Their bells may still be held by the queue for the dead worker, so
   * these operations get a new wake number.
   */
  async reclaim(now: Date): Promise<number> {
    return (await this.#database.pool.query(RECLAIM, [now])).rowCount ?? 0;
  }

  /** What is due and free, the longest due first, in pages. The number is not a new one: a bell still in the queue stays one. */
  async *pages(now: Date, pageSize = 1000): AsyncGenerator<readonly WakeCall[]> {
    let after: { wakeAt: Date | null; id: string | null } = { wakeAt: null, id: null };
    for (;;) {
      const { rows } = await this.#database.pool.query<DueOperation>(DUE, [now, pageSize, after.wakeAt, after.id]);
      if (rows.length > 0) yield rows;
      const last = rows.at(-1);
      if (!last || rows.length < pageSize) return;
      after = last;
    }
  }

  /** Marks the operations that take longer than their workflow allows; each is given once. */
  async markOverdue(now: Date): Promise<OperationRecord[]> {
    return (await this.#database.pool.query<OperationRecord>(MARK_OVERDUE, [now])).rows;
  }
}
