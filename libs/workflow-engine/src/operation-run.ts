import type { Clock } from '@managed-consul/config';
import { withLogContext, type Logger } from '@managed-consul/observability';
import { beginSpan, markFailed, traced } from '@managed-consul/tracing';
import type { Lease } from './lease';
import type { OperationRecord } from './operation-record';
import type { OperationChange } from './operation-change';
import { LeaseLostError, type OperationStore, type WakeCall } from './operation-store';
import type { RecordFunction, StepContext } from './step';
import { stepEnvironment } from './step-environment';
import type { Place, StepRow, StepRows } from './step-rows';
import { judgeError, judgeResult, type Failure, type Verdict } from './verdict';
import type { Workflow } from './workflow';
import type { WorkflowMetrics } from './workflow-metrics';
import type { BoundaryPoint, OperationOutcome, StepBoundary, WorkflowEvent, WorkflowHost } from './workflow-host';

/** What a run needs beside its operation. */
export interface RunTools<Services extends object> {
  readonly store: OperationStore;
  readonly host: WorkflowHost<Services>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly boundary: StepBoundary | undefined;
  readonly isStopping: () => boolean;
  readonly metrics: WorkflowMetrics | undefined;
}

/** How a run left its operation, and what is to be rung, when. */
export interface RunEnd {
  readonly kind: 'ended' | 'waiting' | 'released';
  readonly ring: readonly (WakeCall & { readonly at: Date })[];
}

/** The error code of an operation that was stopped on request. */
const CANCELED = 'Canceled';

/** PostgreSQL's class 22, data exception: e.g. a NUL character in text. */
const isDataError = (error: unknown): boolean => String((error as { code?: unknown }).code).startsWith('22');

/** One holding of one operation's lease: runs step after step until one waits, the operation ends, or the worker must go. */
export class OperationRun<Services extends object> {
  #operation: OperationRecord;
  readonly #rows: StepRows;
  /** The row that this run has written last as begun; a row that an earlier run began is begun again. */
  #begun: StepRow | undefined;
  readonly #workflow: Workflow<Services>;
  readonly #lease: Lease;
  readonly #tools: RunTools<Services>;

  constructor(operation: OperationRecord, rows: StepRows, lease: Lease, workflow: Workflow<Services>, tools: RunTools<Services>) {
    this.#operation = operation;
    this.#rows = rows;
    this.#workflow = workflow;
    this.#lease = lease;
    this.#tools = tools;
  }

  /** Runs. Throws LeaseLostError, ProcessDied, or what the database or the host threw; the lease is then not given back. */
  async run(): Promise<RunEnd> {
    for (;;) {
      const place = this.#next(this.#operation.errorCode !== null);
      if (!place) return this.#end();
      if (this.#operation.cancelRequestedAt !== null && this.#operation.errorCode === null) {
        await this.#cancel(place);
        continue;
      }
      if (this.#tools.isStopping()) return this.#release();
      if (!this.#begun || this.#begun !== this.#rows.find(place.step.name, place.item)) await this.#begin(place);
      const left = await this.#pass(place, await this.#try(place));
      if (left) return left;
    }
  }

  #now(): Date {
    return this.#tools.clock.now();
  }

  /** Past a failure only the failure list is run; a failure in it is passed over. */
  #next(hasFailed: boolean, finishing?: StepRow): Place<Services> | undefined {
    return this.#rows.next(hasFailed ? this.#workflow.onFailure : this.#workflow.steps, finishing);
  }

  /** A place's row as it will be when it begins now; written before the step runs, so that a crash counts as an attempt. */
  #beginning({ step, item }: Place<Services>): StepRow {
    const old = this.#rows.find(step.name, item);
    const { skippable } = step;
    if (old) return { ...old, state: 'Running', attempts: old.attempts + 1, waitingFor: null, skippable };
    const none = { waitingFor: null, output: null, errorCode: null, errorMessage: null, lastProblem: null, finishedAt: null };
    return {
      name: step.name,
      item,
      position: this.#rows.size + 1,
      state: 'Running',
      attempts: 1,
      startedAt: this.#now(),
      failures: 0,
      skippable,
      ...none,
    };
  }

  /** The row of a place that has begun. */
  #row({ step, item }: Place<Services>): StepRow {
    return this.#rows.find(step.name, item) ?? this.#beginning({ step, item });
  }

  async #begin(place: Place<Services>): Promise<void> {
    if (this.#rows.size === 0) this.#tellWait();
    const event = this.#rows.size === 0 ? this.#describe({ type: 'OperationStarted', operation: this.#operation }) : undefined;
    await this.#write({ begin: this.#beginning(place), event });
  }

  /** From the request until a worker took it: the queue's part of the trace. */
  #tellWait(): void {
    const { id, kind, createdAt, traceparent } = this.#operation;
    const attributes = { operationId: id, operation: kind };
    beginSpan('queue', { parent: traceparent, startTime: createdAt, attributes }).end(this.#now());
  }

  async #try(place: Place<Services>): Promise<Verdict> {
    const { id: operationId, clusterId, installationId, correlationId } = this.#operation;
    const ids = { operationId, clusterId, installationId, correlationId, step: place.step.name, item: place.item };
    const known = Object.fromEntries(Object.entries(ids).filter(([, value]) => value));
    const attributes = { ...known, operation: this.#operation.kind, attempt: this.#row(place).attempts };
    return withLogContext(known, () =>
      traced(`step ${place.step.name}`, { parent: this.#operation.traceparent, attributes }, async (span) => {
        const verdict = await this.#verdictOf(place);
        span.setAttribute('verdict', verdict.kind);
        if (verdict.kind === 'failed') markFailed(span, verdict.code);
        return verdict;
      }),
    );
  }

  async #verdictOf(place: Place<Services>): Promise<Verdict> {
    const { host, clock, log } = this.#tools;
    try {
      await this.#reached('before-effect', place);
      const services = await host.buildServices(this.#operation, place.item);
      const given = { operation: this.#operation, rows: this.#rows, clock, log, signal: this.#lease.signal };
      const context: StepContext<Services> = { ...services, ...stepEnvironment(place, given) };
      const result = await place.step.run(context);
      await this.#reached('after-effect', place);
      return judgeResult(place.step, this.#row(place), result, this.#tools);
    } catch (error) {
      return this.#judgeError(place, error);
    }
  }

  #judgeError(place: Place<Services>, error: unknown): Verdict {
    if (this.#lease.lost) throw new LeaseLostError(this.#operation.id);
    if (this.#lease.signal.aborted) return { kind: 'interrupted' };
    return judgeError(place.step, this.#row(place), error, this.#tools);
  }

  /** Stores how a try turned out. Gives how the run ends, or undefined to go on. */
  async #pass(place: Place<Services>, verdict: Verdict): Promise<RunEnd | undefined> {
    switch (verdict.kind) {
      case 'interrupted':
        return this.#release();
      case 'again':
        return this.#wait(place, verdict);
      case 'failed':
        await this.#fail(place, verdict);
        return undefined;
      case 'done':
        try {
          await this.#succeed(place, verdict.output, verdict.record);
          return undefined;
        } catch (error) {
          // What a step records can fail like the step itself, and so can an output that the database cannot hold.
          if (error instanceof LeaseLostError || !(verdict.record || isDataError(error))) throw error;
          return this.#pass(place, this.#judgeError(place, error));
        }
    }
  }

  async #wait(
    place: Place<Services>,
    { sentence, at, failures, problem }: Verdict & { kind: 'again' },
  ): Promise<RunEnd | undefined> {
    const row = this.#row(place);
    const lastProblem = problem ?? row.lastProblem;
    if (problem !== undefined) this.#tools.metrics?.stepFailed(this.#operation.kind, place.step.name);
    const finished: StepRow = { ...row, state: 'Waiting', waitingFor: sentence, failures, lastProblem };
    const kept = await this.#write({ finished, waitingFor: sentence, wakeAt: at });
    // Kept: a wake came while the step ran, so it looks again at once.
    return kept ? undefined : { kind: 'waiting', ring: [{ ...this.#operation, at }] };
  }

  async #succeed(place: Place<Services>, output: unknown, record: RecordFunction | undefined): Promise<void> {
    const row = this.#row(place);
    const finished: StepRow = { ...row, state: 'Succeeded', waitingFor: null, output: output ?? null, finishedAt: this.#now() };
    const about = { operation: this.#operation, step: place.step.name, item: place.item };
    const event = this.#describe({ type: 'StepSucceeded', ...about, output });
    await this.#write({ finished, begin: this.#following(finished, this.#operation.errorCode !== null), event }, record);
    const duration = this.#now().getTime() - row.startedAt.getTime();
    this.#tools.metrics?.stepSucceeded(this.#operation.kind, place.step.name, duration);
    this.#tools.log.info({ ...this.#ids(place), duration, attempts: row.attempts }, 'step succeeded');
    await this.#reached('after-row', place);
  }

  async #fail(place: Place<Services>, { code, message, problem }: Failure): Promise<void> {
    const row = this.#row(place);
    const failure = { errorCode: code, errorMessage: message, waitingFor: null, finishedAt: this.#now() };
    const finished: StepRow = { ...row, state: 'Failed', ...failure, lastProblem: problem ?? row.lastProblem };
    const about = { operation: this.#operation, step: place.step.name, item: place.item };
    const event = code === CANCELED ? undefined : this.#describe({ type: 'StepFailed', ...about, message });
    const error = this.#operation.errorCode === null ? { code, message, step: place.step.name } : null;
    await this.#write({ finished, begin: this.#following(finished, true), error, event });
    await this.#reached('after-row', place);
  }

  /** Between steps only: the place that would have been next is marked, then the failure list is run. */
  async #cancel(place: Place<Services>): Promise<void> {
    await this.#fail(place, { code: CANCELED, message: 'The operation was canceled before this step was finished.' });
  }

  /** The row of the place behind `finished`, beginning in the same write, so that a step costs one. */
  #following(finished: StepRow, hasFailed: boolean): StepRow | undefined {
    const next = this.#next(hasFailed, finished);
    return next && this.#beginning(next);
  }

  async #write(
    change: { finished?: StepRow; begin?: StepRow } & Partial<Omit<OperationChange, 'steps'>>,
    record?: RecordFunction,
  ): Promise<boolean> {
    const { store } = this.#tools;
    const { finished, begin, waitingFor = null, error = null, wakeAt = null, event } = change;
    const steps = [finished, begin].filter((row) => row !== undefined);
    const { wakeNumber, startedAt } = this.#operation;
    const pageAt = new Date((startedAt ?? this.#now()).getTime() + this.#workflow.pageOperatorAfter);
    const currentStep = begin?.name ?? finished?.name ?? this.#operation.currentStep;
    const whole: OperationChange = { steps, currentStep, waitingFor, error, wakeAt, wakeNumber, pageAt, event };
    if (this.#lease.lost) throw new LeaseLostError(this.#operation.id);
    const write = (tx?: Parameters<RecordFunction>[0]) => store.write(this.#lease.key, this.#now(), whole, tx);
    const { kept, ...written } = record ? await store.transaction(async (tx) => (await record(tx), write(tx))) : await write();
    store.notices.add(this.#operation.id);
    const failure = error ? { errorCode: error.code, errorMessage: error.message, errorStep: error.step } : {};
    this.#operation = { ...this.#operation, ...written, ...failure, currentStep, waitingFor };
    for (const row of steps) this.#rows.put(row);
    this.#begun = begin;
    return kept;
  }

  async #release(): Promise<RunEnd> {
    const now = this.#now();
    const call = await this.#tools.store.release(this.#lease.key, now);
    return { kind: 'released', ring: call ? [{ ...call, at: now }] : [] };
  }

  async #end(): Promise<RunEnd> {
    const { store, host } = this.#tools;
    const { errorCode, errorMessage, errorStep } = this.#operation;
    const error = { code: errorCode ?? '', message: errorMessage ?? '', step: errorStep ?? '' };
    const state = errorCode === null ? 'Succeeded' : errorCode === CANCELED ? 'Canceled' : 'Failed';
    const outcome: OperationOutcome = state === 'Succeeded' ? { state } : { state, error };
    const event = this.#describe({ type: 'OperationEnded', operation: this.#operation, outcome });
    const now = this.#now();
    const woken = await store.transaction(async (tx) => {
      await host.recordOutcome(tx, this.#operation, outcome);
      return store.end(this.#lease.key, now, state, event, tx);
    });
    store.notices.add(this.#operation.id);
    const { id, kind, createdAt } = this.#operation;
    this.#tools.metrics?.operationEnded(kind, state, now.getTime() - createdAt.getTime());
    this.#tools.log.info({ operationId: id, kind, state }, 'operation ended');
    return { kind: 'ended', ring: woken.map((call) => ({ ...call, at: now })) };
  }

  #ids({ step, item }: Place<Services>) {
    return { operationId: this.#operation.id, step: step.name, item };
  }

  #describe(event: WorkflowEvent): OperationChange['event'] {
    return this.#operation.clusterId === null ? undefined : this.#tools.host.describe(event);
  }

  async #reached(point: BoundaryPoint, { step, item }: Place<Services>): Promise<void> {
    await this.#tools.boundary?.reached(point, { operation: this.#operation, name: step.name, item });
  }
}
