import type { Clock, Milliseconds } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import type { Logger } from '@managed-consul/observability';
import type { OperationRecord } from './operation-record';

/** Changes of domain rows that belong to a step's result: they commit with the step's row or not at all. */
export type RecordFunction = (tx: Transaction) => Promise<void>;

/** The step has its result. */
export interface Done<Output> {
  readonly kind: 'done';
  readonly output: Output;
  readonly record: RecordFunction | undefined;
}

/** Not yet: look again later. Only conditions may say so, because only they have a deadline. */
export interface Waiting {
  readonly kind: 'waiting';
  readonly sentence: string;
  readonly retryAfter: Milliseconds;
}

export type StepResult<Output> = Done<Output> | Waiting;

/**
 * Ends a step. `output` is stored as JSON with the step, so dates become strings and secrets have no place in it;
 * `record` runs in the transaction that stores the step and may run again after a crash before its commit.
 */
export function done(): Done<undefined>;
export function done<Output>(output: Output, record?: RecordFunction): Done<Output>;
export function done(output?: unknown, record?: RecordFunction): Done<unknown> {
  return { kind: 'done', output, record };
}

/** Ends a look of a condition without a result. `sentence` is shown to the customer; the next look is after `retryAfter`. */
export const waitFor = (sentence: string, retryAfter: Milliseconds): Waiting => ({ kind: 'waiting', sentence, retryAfter });

/** Any step, whatever it needs and gives; how earlier steps are named to `outputOf`. */
export type AnyStep = (context: never) => Promise<StepResult<unknown>>;

/** What a step hands to `done`. */
export type OutputOf<Step extends AnyStep> =
  Awaited<ReturnType<Step>> extends infer Result ? (Result extends Done<infer Output> ? Output : never) : never;

/** What the engine gives every step, beside the services of its host. */
export interface StepEnvironment {
  /** The operation as it was when the step began. */
  readonly operation: OperationRecord;
  /** What `forEachServer` is at; empty outside it. */
  readonly item: string;
  /** How often the step has begun, this time included; more than 1 means that it may have acted before. */
  readonly attempt: number;
  /** Time comes from here only, so that tests can move it. */
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborted when the lease is lost or the worker must go: what the step has not done, it must not do any more. */
  readonly signal: AbortSignal;
  /**
   * Output of a finished step: that of the same item if it has one, else that outside `forEachServer`. Throws a
   * TerminalError if the step has not finished.
   */
  readonly outputOf: <Step extends AnyStep>(step: Step) => OutputOf<Step>;
  /** Like `outputOf`, for any item, and undefined if the step has not finished. */
  readonly findOutputOf: <Step extends AnyStep>(step: Step, item?: string) => OutputOf<Step> | undefined;
}

/** What a step gets: the host's services and the engine's environment in one object. */
export type StepContext<Services extends object> = Services & StepEnvironment;

/** A step. It may run twice: it looks before it acts. Throw TerminalError to fail the operation; anything else is retried. */
export type StepFunction<Services extends object, Output> = (context: StepContext<Services>) => Promise<StepResult<Output>>;

/** A step that acts and never waits. */
export type ActionFunction<Services extends object, Output> = (context: StepContext<Services>) => Promise<Done<Output>>;

/** Says which servers `forEachServer` goes through, in order; asked once, the answer is stored. */
export type PlanFunction<Services extends object> = (context: StepContext<Services>) => Promise<readonly string[]>;
