import { createLogger, type Logger } from '@managed-consul/observability';
import type { Database } from '@managed-consul/database';
import { ProcessDied, WorkflowRunner, type StepBoundary, type WorkflowHost } from '@managed-consul/workflow-engine';
import type { TrialTime } from './trial-time';

/** A workflow on trial: how to ask for its operation, in what world, and how that world must look afterwards. */
export interface WorkflowTrial<Services extends object> {
  readonly database: Database;
  readonly host: WorkflowHost<Services>;
  readonly time: TrialTime;
  /** Asks for the operation on a fresh subject and gives its id. */
  request(): Promise<string>;
  /** Throws unless the world is as the operation must leave it: everything there once, nothing besides. */
  verify(operationId: string): Promise<void>;
  readonly log?: Logger;
}

/** How an operation stands. */
export interface TrialOperation {
  readonly id: string;
  readonly state: string;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly errorStep: string | null;
  readonly waitingFor: string | null;
}

interface OpenOperation {
  readonly id: string;
  readonly wakeAt: Date;
  readonly leaseUntil: Date | null;
}

const OPEN = `SELECT id::text, wake_at AS "wakeAt", lease_until AS "leaseUntil" FROM operations
  WHERE subject = (SELECT subject FROM operations WHERE id = $1) AND state IN ('Pending', 'Running') ORDER BY created_at, id`;

const READ = `SELECT id::text, state::text, error_code AS "errorCode", error_message AS "errorMessage", error_step AS "errorStep",
  waiting_for AS "waitingFor" FROM operations WHERE id = $1`;

const END_LEASE = 'UPDATE operations SET lease_until = $2 WHERE id = $1 AND lease_until > $2';

/** A bell that nobody hears: a trial looks itself when the time has come. */
const SILENT_BELL = { ring: async () => undefined };

/** Reads how an operation stands. Throws if there is none. */
export async function readOperation(database: Database, id: string): Promise<TrialOperation> {
  const operation = (await database.pool.query<TrialOperation>(READ, [id])).rows[0];
  if (!operation) throw new Error(`There is no operation ${id}.`);
  return operation;
}

/**
 * Carries an operation, and what else is open on its subject, to the end as workers would: run, let the time until the next
 * wake pass, run again. After each death that `boundary` causes, another worker takes over when the lease has run out.
 */
export async function driveToEnd<Services extends object>(
  trial: Pick<WorkflowTrial<Services>, 'database' | 'host' | 'time' | 'log'>,
  operationId: string,
  boundary?: StepBoundary,
): Promise<TrialOperation> {
  const { database, host, time, log = createLogger({ app: 'trial', level: 'silent' }) } = trial;
  const started = time.clock.now().getTime();
  let workers = 0;
  const newWorker = () => {
    const name = `trial-worker-${++workers}`;
    const own = { clock: time.clock, lease: time.lease, ...(boundary ? { boundary } : {}) };
    return new WorkflowRunner({ database, host, bell: SILENT_BELL, log, name, ...own });
  };
  let worker = newWorker();
  for (;;) {
    const open = (await database.pool.query<OpenOperation>(OPEN, [operationId])).rows;
    if (!open.some(({ id }) => id === operationId)) return readOperation(database, operationId);
    const now = time.clock.now().getTime();
    if (now - started > time.patience) {
      throw new Error(`The operation does not end: ${JSON.stringify(await readOperation(database, operationId))}`);
    }
    const next = open.map(({ wakeAt, leaseUntil }) => Math.max(wakeAt.getTime(), leaseUntil?.getTime() ?? 0));
    const due = open.filter((_, index) => (next[index] ?? 0) <= now);
    if (due.length === 0) await time.pass(Math.min(...next) - now);
    for (const { id } of due) {
      try {
        await worker.run(id);
      } catch (error) {
        if (!(error instanceof ProcessDied)) throw error;
        worker = newWorker();
        if (time.endsLeasesOfTheDead) await database.pool.query(END_LEASE, [id, time.clock.now()]);
      }
    }
  }
}

/** Drives a fresh operation and throws unless it succeeds and leaves the world as it must. */
export async function succeed<Services extends object>(
  trial: WorkflowTrial<Services>,
  when: string,
  boundary?: StepBoundary,
): Promise<void> {
  const id = await trial.request();
  const operation = await driveToEnd(trial, id, boundary);
  if (operation.state !== 'Succeeded') throw new Error(`Not succeeded when ${when}: ${JSON.stringify(operation)}`);
  await inWords(when, () => trial.verify(id));
}

/** Says in what circumstances a check failed. */
export async function inWords(when: string, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    throw new Error(`Wrong in the end when ${when}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
