import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Records of one kind by key. What was written is there after the process ends, however it ends. */
export interface Collection<Value> {
  get(key: string): Value | undefined;
  put(key: string, value: Value): void;
  delete(key: string): void;
  /** In the order of keys; `prefix` is compared as it is written. */
  list(prefix?: string): readonly Value[];
}

/** Everything that the emulator must find again after a restart: JSON records in one SQLite file. */
export class Store {
  readonly #database: DatabaseSync;

  constructor(stateFolder: string) {
    mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
    const file = join(stateFolder, 'azure.sqlite');
    this.#database = new DatabaseSync(file);
    // Services of machines run as other users and pass through the folder: what it keeps is not theirs to read.
    chmodSync(file, 0o600);
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS records (
        collection TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (collection, key)
      ) WITHOUT ROWID;
    `);
  }

  collection<Value>(name: string): Collection<Value> {
    const select = this.#database.prepare('SELECT value FROM records WHERE collection = ? AND key = ?');
    const upsert = this.#database.prepare(
      'INSERT INTO records (collection, key, value) VALUES (?, ?, ?) ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value',
    );
    const remove = this.#database.prepare('DELETE FROM records WHERE collection = ? AND key = ?');
    const range = this.#database.prepare('SELECT value FROM records WHERE collection = ? AND key >= ? AND key < ? ORDER BY key');
    const parse = (row: Record<string, unknown>): Value => JSON.parse(String(row['value'])) as Value;
    return {
      get: (key) => {
        const row = select.get(name, key);
        return row === undefined ? undefined : parse(row);
      },
      put: (key, value) => {
        upsert.run(name, key, JSON.stringify(value));
      },
      delete: (key) => {
        remove.run(name, key);
      },
      list: (prefix = '') => range.all(name, prefix, `${prefix}\u{10ffff}`).map(parse),
    };
  }

  /** Runs `work` in one transaction: all of its writes or none. `work` must not await. */
  transaction<Result>(work: () => Result): Result {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#database.close();
  }
}
