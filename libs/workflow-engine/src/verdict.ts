import type { Clock } from '@managed-consul/config';
import { TerminalError, TransientError } from '@managed-consul/errors';
import type { Logger } from '@managed-consul/observability';
import { isBudgetSpent, retryDelay } from './retry';
import type { RecordFunction, StepResult } from './step';
import type { StepRow } from './step-rows';
import type { StepEntry } from './workflow';
import { ProcessDied } from './workflow-host';

/** How a try of a step turned out: its result, when to try again, the error that ends it, or that the worker must go. */
export type Verdict =
  | { readonly kind: 'done'; readonly output: unknown; readonly record: RecordFunction | undefined }
  | { readonly kind: 'again'; readonly sentence: string; readonly at: Date; readonly failures: number; readonly problem?: string }
  | (Failure & { readonly kind: 'failed' })
  | { readonly kind: 'interrupted' };

/** What ends a step for good. `problem` is what was wrong at the last try, where trying again had been hoped to help. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly problem?: string;
}

interface Judges {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
}

type JudgedStep = Pick<StepEntry<never>, 'name' | 'retry' | 'orFail'>;

const elapsedOf = (row: StepRow, clock: Clock) => clock.now().getTime() - row.startedAt.getTime();

/** Judges what a step returned: a wait is over when the time of its condition is. */
export function judgeResult(step: JudgedStep, row: StepRow, result: StepResult<unknown>, judges: Judges): Verdict {
  if (result.kind === 'done') return result;
  if (isBudgetSpent(step.retry, 0, elapsedOf(row, judges.clock))) return giveUp(step, row, new Error(result.sentence), judges);
  return tryAgain(step, row, result.sentence, result.retryAfter, 0, judges);
}

/** Judges what a step threw. Throws on what is told to be the death of the process. */
export function judgeError(step: JudgedStep, row: StepRow, error: unknown, judges: Judges): Verdict {
  if (error instanceof ProcessDied) throw error;
  if (error instanceof TerminalError) {
    judges.log.warn({ err: error, code: error.code }, 'step failed');
    return { kind: 'failed', code: error.code, message: error.publicMessage };
  }
  const failures = row.failures + 1;
  if (isBudgetSpent(step.retry, failures, elapsedOf(row, judges.clock))) {
    return { ...giveUp(step, row, error, judges), problem: problemOf(error) };
  }
  const delay = retryDelay(step.retry, failures, error, judges.random);
  judges.log.warn({ err: error, failures, delay }, 'step did not work and is tried again');
  const again = tryAgain(step, row, 'Something did not work; it is tried again', delay, failures, judges);
  return { ...again, problem: problemOf(error) };
}

/** The last try is at the end of the step's time, not behind it. */
function tryAgain(step: JudgedStep, row: StepRow, sentence: string, delay: number, failures: number, { clock }: Judges) {
  const left = Math.max((step.retry.within ?? Infinity) - elapsedOf(row, clock), 0);
  return { kind: 'again' as const, sentence, failures, at: new Date(clock.now().getTime() + Math.min(delay, left)) };
}

/** Text of an error for the step's row. Only what an adapter has put into words is shown: any other text may hold anything. */
const problemOf = (error: unknown): string =>
  error instanceof TransientError ? error.message : 'Something unexpected went wrong; the log of the service says what.';

function giveUp(step: JudgedStep, row: StepRow, error: unknown, { log }: Judges) {
  const kind = 'failed' as const;
  log.warn({ err: error, attempts: row.attempts }, 'step has spent its budget');
  if (step.orFail !== undefined) return { kind, code: 'WaitTimedOut', message: step.orFail };
  const message = `The step ${step.name} did not succeed in ${row.attempts} tries. Request the operation again; if that fails too, name its id to support.`;
  return { kind, code: 'StepDidNotSucceed', message };
}
