import type { Database, Transaction } from '@managed-consul/database';
import { ChangeNotices } from './change-notices';
import { GroupedWrites } from './grouped-writes';
import type { OperationRecord } from './operation-record';
import { ACQUIRE, DEFER, DEFER_PAUSED, END, LOOK, RELEASE, RENEW, STEPS, WRITE } from './operation-statements';
import type { LeaseKey, OperationChange, WriteRow, WrittenOperation } from './operation-change';
import type { StepRow } from './step-rows';

export interface WakeCall {
  readonly id: string;
  readonly wakeNumber: number;
}

/** PostgreSQL's code for a broken unique index: here, that another operation of the subject is running. */
const UNIQUE_VIOLATION = '23505';

/** Another holder has the operation; nothing was written. */
export class LeaseLostError extends Error {
  constructor(id: string) {
    super(`The lease of operation ${id} was lost.`);
    this.name = 'LeaseLostError';
  }
}

/** The engine's statements. Plain SQL: Prisma's own queries cost several times a step, and every write is one round trip. */
export class OperationStore {
  readonly #database: Database;
  readonly notices: ChangeNotices;
  readonly #writes: GroupedWrites;

  constructor(database: Database) {
    this.#database = database;
    this.notices = new ChangeNotices(database);
    this.#writes = new GroupedWrites(database);
  }

  async #query<Row extends object>(name: string, text: string, values: readonly unknown[], tx?: Transaction): Promise<Row[]> {
    if (tx) return tx.$queryRawUnsafe<Row[]>(text, ...values);
    return (await this.#database.pool.query<Row>({ name: `engine-${name}`, text, values: [...values] })).rows;
  }

  /** Takes the lease if it is free and the operation is due; undefined otherwise. */
  async acquire(key: LeaseKey, now: Date, due: Date, until: Date): Promise<OperationRecord | undefined> {
    try {
      return (await this.#query<OperationRecord>('acquire', ACQUIRE, [key.id, key.owner, now, due, until]))[0];
    } catch (error) {
      if ((error as { code?: unknown }).code === UNIQUE_VIOLATION) return undefined;
      throw error;
    }
  }

  /** When an operation that an operator has paused looks again, at the latest at `at`; undefined for one that is not paused. */
  async deferPaused(id: string, now: Date, due: Date, at: Date): Promise<(WakeCall & { at: Date }) | undefined> {
    return (await this.#query<WakeCall & { at: Date }>('defer-paused', DEFER_PAUSED, [id, now, due, at]))[0];
  }

  /** Kind and start of an operation that is due and free and yet could not be taken: another of its subject is in the way. */
  async findBlocked(id: string, now: Date, due: Date): Promise<{ kind: string; createdAt: Date } | undefined> {
    return (await this.#query<{ kind: string; createdAt: Date }>('look', LOOK, [id, now, due]))[0];
  }

  /** Looks again at `wakeAt`, and names what is in the way and was asked to stop, so that it can be rung too. */
  async defer(id: string, now: Date, wakeAt: Date, pageAt: Date | null): Promise<{ own: WakeCall | null; inTheWay: WakeCall[] }> {
    const rows = await this.#query<{ own: WakeCall | null; inTheWay: WakeCall[] }>('defer', DEFER, [id, now, wakeAt, pageAt]);
    return rows[0] ?? { own: null, inTheWay: [] };
  }

  async steps(id: string): Promise<StepRow[]> {
    return this.#query<StepRow>('steps', STEPS, [id]);
  }

  /** Moves the end of the lease; false if it is not held any more. */
  async renew(key: LeaseKey, until: Date): Promise<boolean> {
    return (await this.#query('renew', RENEW, [key.id, key.owner, until])).length > 0;
  }

  /** Gives the lease back without a result; undefined if it is not held any more. */
  async release(key: LeaseKey, wakeAt: Date): Promise<WakeCall | undefined> {
    return (await this.#query<WakeCall>('release', RELEASE, [key.id, key.owner, wakeAt]))[0];
  }

  /** Writes a change if the lease is still held; throws LeaseLostError, and has written nothing, if not. */
  async write(key: LeaseKey, now: Date, change: OperationChange, tx?: Transaction): Promise<WrittenOperation> {
    const { error, event, ...rest } = change;
    const failure = { errorCode: error?.code, errorMessage: error?.message, errorStep: error?.step };
    const row: WriteRow = { ...key, now, ...rest, ...failure, eventType: event?.type, eventMessage: event?.message };
    const written = tx
      ? (await this.#query<WrittenOperation>('write', WRITE, [JSON.stringify([row])], tx))[0]
      : await this.#writes.write(row);
    if (!written) throw new LeaseLostError(key.id);
    return written;
  }

  /** Ends the operation and wakes those of its subject that wait for that. Throws LeaseLostError as `write` does. */
  async end(key: LeaseKey, now: Date, state: string, event: OperationChange['event'], tx: Transaction): Promise<WakeCall[]> {
    const values = [key.id, key.owner, now, state, event?.type ?? null, event?.message ?? null];
    const [ended] = await this.#query<{ woken: WakeCall[] }>('end', END, values, tx);
    if (!ended) throw new LeaseLostError(key.id);
    return ended.woken;
  }

  /**
   * Runs `work` in one transaction; errors roll everything back. Domain rows are to be written before the operation's row:
   * requests lock in that order, and a lost lease rolls both back.
   */
  transaction<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    return this.#database.prisma.$transaction(work, { maxWait: 10_000, timeout: 20_000 });
  }
}
