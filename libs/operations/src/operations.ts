import { systemClock, type Clock } from '@managed-consul/config';
import type { Database, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Bell } from './bell';
import { OPERATION_COLUMNS, STEP_COLUMNS, type Operation, type OperationStep } from './operation';

/** Sets work going now: a waiting operation looks again, a running one looks once more before it waits. */
const WAKE = `UPDATE operations SET wake_at = $2, wake_number = wake_number + 1
  WHERE (subject = $1 OR cluster_id = $3::uuid) AND state IN ('Pending', 'Running') RETURNING id::text, wake_number AS "wakeNumber"`;

const CANCEL = `UPDATE operations SET cancel_requested_at = coalesce(cancel_requested_at, $2), wake_at = $2,
    wake_number = wake_number + 1, revision = revision + 1
  WHERE id = $1::uuid AND lane = 'Change' AND state IN ('Pending', 'Running')
  RETURNING id::text, pg_notify('operation_changed', id::text)::text AS notified`;

/** What a list of operations is about, newest first. `before` is the id of the last one already seen. */
export interface OperationListQuery {
  readonly clusterId?: string;
  readonly installationId?: string;
  readonly before?: string;
  readonly limit: number;
}

/** Reads operations and speaks to them: nudge and cancel. What may be asked by whom is the caller's business. */
export class Operations {
  readonly #database: Database;
  readonly #bell: Bell;
  readonly #clock: Clock;

  constructor(database: Database, bell: Bell, clock: Clock = systemClock) {
    this.#database = database;
    this.#bell = bell;
    this.#clock = clock;
  }

  /** The operation, or undefined if there is none of that id. */
  async find(id: string): Promise<Operation | undefined> {
    const result = await this.#database.pool.query<Operation>(`SELECT ${OPERATION_COLUMNS} FROM operations WHERE id = $1`, [id]);
    return result.rows[0];
  }

  /** Operations of a cluster, or of an installation, newest first. */
  async list({ clusterId, installationId, before, limit }: OperationListQuery): Promise<Operation[]> {
    const result = await this.#database.pool.query<Operation>(
      `SELECT ${OPERATION_COLUMNS} FROM operations
       WHERE ($1::uuid IS NULL OR cluster_id = $1) AND ($2::uuid IS NULL OR installation_id = $2) AND ($3::uuid IS NULL OR id < $3)
       ORDER BY id DESC LIMIT $4`,
      [clusterId ?? null, installationId ?? null, before ?? null, limit],
    );
    return result.rows;
  }

  /** The steps that have begun, in the order in which they did. */
  async steps(operationId: string): Promise<OperationStep[]> {
    const result = await this.#database.pool.query<OperationStep>(
      `SELECT ${STEP_COLUMNS} FROM operation_steps WHERE operation_id = $1 ORDER BY position, item`,
      [operationId],
    );
    return result.rows;
  }

  /**
   * Wakes the unfinished operations of a subject: something that they may wait for has happened. `cluster/<id>` means all
   * that is done for that cluster, a snapshot of it as well.
   */
  async nudge(subject: string): Promise<void> {
    const clusterId = /^cluster\/([0-9a-f-]{36})$/.exec(subject)?.[1] ?? null;
    const parameters = [subject, this.#clock.now(), clusterId];
    const woken = await this.#database.pool.query<{ id: string; wakeNumber: number }>(WAKE, parameters);
    await Promise.all(woken.rows.map((operation) => this.#bell.ring(operation)));
  }

  /**
   * Asks an operation to stop before its next step. Throws AppError `Conflict` if it has ended or is a delete, which
   * cannot be stopped half way, and `ResourceNotFound` if it does not exist. `record` writes in the same transaction: without
   * it there is no cancel either.
   */
  async cancel(id: string, record?: (tx: Transaction) => Promise<void>): Promise<Operation> {
    const canceled = await this.#database.prisma.$transaction(async (tx) => {
      const rows = await tx.$queryRawUnsafe<{ id: string }[]>(CANCEL, id, this.#clock.now());
      if (rows.length > 0) await record?.(tx);
      return rows.length > 0;
    });
    const operation = await this.find(id);
    if (!operation) throw new AppError('ResourceNotFound', `There is no operation ${id}.`);
    if (canceled) {
      await this.#bell.ring(operation);
      return operation;
    }
    const reason = operation.lane === 'Delete' ? 'A delete cannot be canceled.' : `It has ended already: ${operation.state}.`;
    throw new AppError('Conflict', `Operation ${id} cannot be canceled. ${reason}`);
  }
}
