import { randomUUID } from 'node:crypto';
import { type Logger } from '@managed-consul/observability';
import { type EmulatorClock } from '../clock/emulator-clock';
import { type Faults } from '../faults/faults';
import { type Collection, type Store } from '../store/store';
import { toArmError, ArmError } from './arm-error';
import { type JsonObject } from './json';
import { type OperationAccess, type OperationOutcome } from './resource-provider';
import { type Principal } from './principal';
import { idKey } from './resource-id';
import { type StoredResource } from './resource';

export type OperationKind = 'write' | 'delete' | 'action';

/** A long operation as kept; unfinished ones go on after a restart. */
export interface LongOperation {
  id: string;
  kind: OperationKind;
  method: string;
  subscriptionId: string | undefined;
  namespace: string;
  location: string;
  resourceId: string;
  caller: Principal;
  status: 'Running' | 'Succeeded' | 'Failed' | 'Canceled';
  startTime: string;
  endTime?: string;
  error?: JsonObject;
  errorStatus?: number;
  result?: unknown;
  /** What the resource was before a write. */
  previous?: StoredResource;
  action?: string;
  body?: JsonObject;
}

export type OperationRequest = Omit<LongOperation, 'id' | 'status' | 'startTime' | 'endTime'>;

/** Does the work; may be called again after a restart. What it returns becomes the operation's result. */
export type OperationHandler = (operation: LongOperation, signal: AbortSignal) => Promise<unknown>;
/** Told how an operation ended, before clients can see it. */
export type OperationEnded = (operation: LongOperation) => Promise<void>;

/** The process is stopping: the operation stays unfinished and goes on at the next start. */
class Stopping extends Error {}
class CanceledByCaller extends Error {}

interface Running {
  readonly operation: LongOperation;
  readonly controller: AbortController;
  readonly ended: Promise<void>;
}

const KEPT_MILLISECONDS = 24 * 3_600_000;

/** Runs long operations, one at a time on a resource, and remembers how they ended. */
export class LongOperations implements OperationAccess {
  readonly #rows: Collection<LongOperation>;
  readonly #clock: EmulatorClock;
  readonly #faults: Faults;
  readonly #log: Logger;
  readonly #leastDuration: number;
  readonly #handlers = new Map<OperationKind, { work: OperationHandler; ended: OperationEnded }>();
  readonly #running = new Map<string, Running>();

  constructor(parts: { store: Store; clock: EmulatorClock; faults: Faults; log: Logger; leastDurationMilliseconds: number }) {
    this.#rows = parts.store.collection('operations');
    this.#clock = parts.clock;
    this.#faults = parts.faults;
    this.#log = parts.log;
    this.#leastDuration = parts.leastDurationMilliseconds;
  }

  handle(kind: OperationKind, work: OperationHandler, ended: OperationEnded): void {
    this.#handlers.set(kind, { work, ended });
  }

  start(request: OperationRequest): LongOperation {
    const operation: LongOperation = {
      ...request,
      id: randomUUID(),
      status: 'Running',
      startTime: this.#clock.now().toISOString(),
    };
    this.#rows.put(operation.id, operation);
    this.#run(operation);
    return operation;
  }

  /** Goes on with what the last process left, and forgets what ended long ago. */
  resume(): void {
    for (const operation of this.#rows.list()) {
      if (operation.status === 'Running') this.#run(operation);
      else if (this.#clock.now().getTime() - Date.parse(operation.endTime ?? '') > KEPT_MILLISECONDS)
        this.#rows.delete(operation.id);
    }
  }

  find(operationId: string): LongOperation | undefined {
    return this.#rows.get(operationId);
  }

  /** The unfinished operation on a resource. */
  runningOn(resourceId: string): LongOperation | undefined {
    const key = idKey(resourceId);
    return [...this.#running.values()].find(({ operation }) => idKey(operation.resourceId) === key)?.operation;
  }

  async waitFor(operationId: string, signal?: AbortSignal): Promise<OperationOutcome> {
    const ended = this.#running.get(operationId)?.ended;
    if (ended) await untilAborted(ended, signal);
    const operation = this.find(operationId);
    if (!operation || operation.status === 'Running') throw new Error(`operation ${operationId} was interrupted`);
    const { status, error, result } = operation;
    return { status, ...(error === undefined ? {} : { error }), ...(result === undefined ? {} : { result }) };
  }

  async cancel(operationId: string): Promise<void> {
    const running = this.#running.get(operationId);
    running?.controller.abort(new CanceledByCaller('canceled'));
    await running?.ended;
  }

  /** Interrupts everything; what is unfinished goes on at the next start. */
  async stop(): Promise<void> {
    const all = [...this.#running.values()];
    for (const { controller } of all) controller.abort(new Stopping('the emulator is stopping'));
    await Promise.all(all.map(({ ended }) => ended));
  }

  #run(operation: LongOperation): void {
    const controller = new AbortController();
    // The entry must be there before the work starts, as the work may look for it.
    const ended = Promise.resolve()
      .then(() => this.#work(operation, controller.signal))
      .catch((error: unknown) => this.#log.error({ err: error, operation: operation.id }, 'long operation could not be recorded'))
      .finally(() => this.#running.delete(operation.id));
    this.#running.set(operation.id, { operation, controller, ended });
  }

  async #work(operation: LongOperation, signal: AbortSignal): Promise<void> {
    const handler = this.#handlers.get(operation.kind);
    if (!handler) throw new Error(`no handler for ${operation.kind}`);
    try {
      const least = this.#leastDuration - (this.#clock.now().getTime() - Date.parse(operation.startTime));
      if (least > 0) await this.#clock.sleep(least, signal);
      await this.#faults.whileStuck(operation.method, operation.resourceId, signal);
      const result = await handler.work(operation, signal);
      await this.#end({ ...operation, status: 'Succeeded', result }, handler.ended);
    } catch (error) {
      const reason: unknown = signal.aborted ? signal.reason : undefined;
      if (reason instanceof Stopping) return;
      if (!(error instanceof ArmError) && !signal.aborted)
        this.#log.error({ err: error, resource: operation.resourceId }, 'long operation failed');
      const canceled = reason instanceof CanceledByCaller;
      const shown = canceled
        ? new ArmError(409, 'OperationPreempted', 'The operation has been preempted by a more recent operation.')
        : toArmError(error);
      const status = canceled ? 'Canceled' : 'Failed';
      await this.#end({ ...operation, status, error: shown.toErrorObject(), errorStatus: shown.status }, handler.ended);
    }
  }

  async #end(operation: LongOperation, ended: OperationEnded): Promise<void> {
    const finished = { ...operation, endTime: this.#clock.now().toISOString() };
    await ended(finished);
    this.#rows.put(operation.id, finished);
  }
}

async function untilAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return work;
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
