import type { Database } from '@managed-consul/database';
import { WRITE } from './operation-statements';
import type { WriteRow, WrittenOperation } from './operation-change';

/** Statements on their way at a time; while they are, what comes next gathers into the next one. */
const MOST_IN_FLIGHT = 2;
const MOST_IN_ONE = 100;

interface WaitingWrite {
  readonly row: WriteRow;
  readonly resolve: (written: WrittenOperation | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Sends the writes of all operations of a process, those of one moment as one statement: what a write costs is above all its
 * commit. Each row checks its own lease, so one that is lost does not touch the others. An error in a group is that of one
 * row as a rule, so each is then sent alone.
 */
export class GroupedWrites {
  readonly #database: Database;
  #waiting: WaitingWrite[] = [];
  #inFlight = 0;
  #isScheduled = false;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Gives what the operation's row says after the write; undefined if the lease is lost and nothing was written. */
  write(row: WriteRow): Promise<WrittenOperation | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ row, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#inFlight >= MOST_IN_FLIGHT || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    // Not at once: answers come in groups too, and all that they set going writes in the same turn.
    setImmediate(() => {
      this.#isScheduled = false;
      this.#inFlight += 1;
      void this.#send(this.#waiting.splice(0, MOST_IN_ONE)).finally(() => {
        this.#inFlight -= 1;
        this.#schedule();
      });
      this.#schedule();
    });
  }

  async #send(group: readonly WaitingWrite[]): Promise<void> {
    try {
      const values = [JSON.stringify(group.map(({ row }) => row))];
      const { rows } = await this.#database.pool.query<WrittenOperation>({ name: 'engine-write', text: WRITE, values });
      const written = new Map(rows.map((row) => [row.id, row]));
      for (const { row, resolve } of group) resolve(written.get(row.id));
    } catch (error) {
      const [only] = group;
      if (group.length === 1) only?.reject(error);
      else await Promise.all(group.map((write) => this.#send([write])));
    }
  }
}
