import { inspect } from 'node:util';
import type { Milliseconds } from '@managed-consul/config';

interface UntilOptions {
  /** How long the condition may take; generous, because a passing test never waits for it. */
  within: Milliseconds;
  /** What is waited for, in words, for the message of a failure. */
  because?: string;
}

const FIRST_PAUSE: Milliseconds = 10;
const LONGEST_PAUSE: Milliseconds = 250;

/**
 * Waits for a condition of the real world: asks again and again until it gives something truthy, and gives that back. A throw
 * counts as "not yet". When time is up, it throws with the last answer or error. The only way in which a test may wait.
 */
export async function until<Result>(
  condition: () => Result | Promise<Result>,
  options: UntilOptions,
): Promise<Exclude<Awaited<Result>, false | null | undefined | 0 | ''>> {
  const giveUpAt = performance.now() + options.within;
  let pause = FIRST_PAUSE;
  for (;;) {
    let last: unknown;
    try {
      last = await condition();
      if (last) return last as Exclude<Awaited<Result>, false | null | undefined | 0 | ''>;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= giveUpAt) {
      const awaited = options.because ?? condition.toString().slice(0, 200);
      throw new Error(`Not within ${options.within} ms: ${awaited}. Last: ${inspect(last, { depth: 2 }).slice(0, 1000)}`, {
        cause: last instanceof Error ? last : undefined,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 1.5, LONGEST_PAUSE);
  }
}
