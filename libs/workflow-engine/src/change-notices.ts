import type { Database } from '@managed-consul/database';

/** Readers hear ids of operations on this channel. */
const NOTIFY = `
  WITH unsynced AS (SELECT set_config('synchronous_commit', 'off', true))
  SELECT count(pg_notify('operation_changed', id)) FROM unsynced, unnest($1::text[]) AS id`;

/**
 * Tells readers which operations have changed, right after the commit and many at a time. Not in the transaction itself:
 * PostgreSQL lets only one transaction that notifies commit at a time, which would make every step of every operation wait
 * for the disk in turn. A notice that a dying process could not send costs a reader its next look.
 */
export class ChangeNotices {
  readonly #database: Database;
  #changed = new Set<string>();
  #sending: Promise<void> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The operation has changed, and the change is committed. */
  add(id: string): void {
    this.#changed.add(id);
    this.#sending ??= this.#send();
  }

  /** Resolves when all that was added has been told, or could not be. */
  async sent(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    while (this.#changed.size > 0) {
      const ids = [...this.#changed];
      this.#changed = new Set();
      // Readers also look by themselves, so a notice that is lost with the database is only late.
      await this.#database.pool.query({ name: 'engine-notify', text: NOTIFY, values: [ids] }).catch(() => undefined);
    }
    this.#sending = undefined;
  }
}
