import { setTimeout as wait } from 'node:timers/promises';
import { seconds, type Milliseconds } from '@managed-consul/config';

/** Waits that double from `first` up to `longest`, each shortened at random by up to half so that many agents do not come at once. */
export class Backoff {
  readonly #first: Milliseconds;
  readonly #longest: Milliseconds;
  #attempt = 0;

  constructor(first: Milliseconds = 250, longest: Milliseconds = seconds(15)) {
    this.#first = first;
    this.#longest = longest;
  }

  reset(): void {
    this.#attempt = 0;
  }

  /** Length of the next wait. */
  next(): Milliseconds {
    const full = Math.min(this.#longest, this.#first * 2 ** Math.min(this.#attempt, 20));
    this.#attempt += 1;
    return full / 2 + (Math.random() * full) / 2;
  }

  /** Waits, or returns at once when `signal` says stop. */
  async wait(signal: AbortSignal): Promise<void> {
    await wait(this.next(), undefined, { signal }).catch(() => undefined);
  }
}
