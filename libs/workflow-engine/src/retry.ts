import { minutes, seconds, type Milliseconds } from '@managed-consul/config';
import { TransientError } from '@managed-consul/errors';

/** How long an action is tried again after errors that may pass. Whichever of `attempts` and `within` is spent first ends it. */
export interface RetryRule {
  /** Failed tries in a row. */
  readonly attempts?: number;
  /** Measured from the first try. */
  readonly within?: Milliseconds;
  /** Ceiling of the delay before the second try; it doubles from try to try. */
  readonly firstDelay?: Milliseconds;
  /** Ceiling of every delay. */
  readonly maxDelay?: Milliseconds;
}

/** What an action gets that names no rule: long enough to outlive a control plane of Azure that is being updated. */
export const DEFAULT_RETRY: RetryRule = { within: minutes(20) };

const FIRST_DELAY = seconds(1);
const MAX_DELAY = seconds(30);

/**
 * Delay before the next try: exponential with full jitter (a random share of the ceiling, so that many operations hit by
 * one outage do not come back together), never less than the other side asked for.
 */
export function retryDelay(rule: RetryRule, failures: number, error: unknown, random: () => number): Milliseconds {
  const ceiling = Math.min(rule.maxDelay ?? MAX_DELAY, (rule.firstDelay ?? FIRST_DELAY) * 2 ** Math.min(failures - 1, 30));
  const asked = error instanceof TransientError ? seconds(error.retryAfterSeconds ?? 0) : 0;
  return Math.max(asked, Math.ceil(random() * ceiling));
}

/** Whether a step that has failed `failures` times in a row and began `elapsed` ago may be tried no more. */
export function isBudgetSpent(rule: RetryRule, failures: number, elapsed: Milliseconds): boolean {
  return (rule.attempts !== undefined && failures >= rule.attempts) || (rule.within !== undefined && elapsed >= rule.within);
}
