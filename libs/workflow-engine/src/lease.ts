import type { Clock, Milliseconds } from '@managed-consul/config';
import type { LeaseKey } from './operation-change';
import type { OperationStore } from './operation-store';

/** How long a lease lasts unrenewed, and how often it is renewed. Clocks of workers may differ by less than the difference. */
export interface LeaseTimes {
  readonly lasts: Milliseconds;
  readonly renewEvery: Milliseconds;
}

/**
 * A held lease and its heartbeat. When it is lost, taken by another or not renewable until its end, `signal` is aborted and
 * `lost` is set: the holder must write nothing any more (and could not: every write checks the owner).
 */
export class Lease {
  readonly key: LeaseKey;
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #until: number;
  #lost = false;

  constructor(
    key: LeaseKey,
    until: Date,
    private readonly store: OperationStore,
    private readonly clock: Clock,
    times: LeaseTimes,
  ) {
    this.key = key;
    this.#until = until.getTime();
    this.#timer = setInterval(() => void this.#renew(times.lasts), times.renewEvery);
    this.#timer.unref();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get lost(): boolean {
    return this.#lost;
  }

  async #renew(lasts: Milliseconds): Promise<void> {
    const now = this.clock.now().getTime();
    // Before anything is asked: a renewal under way may hang on a dead connection, and answer only after the lease has ended.
    if (now >= this.#until) {
      this.lose();
      return;
    }
    const until = now + lasts;
    try {
      if (await this.store.renew(this.key, new Date(until))) this.#until = Math.max(this.#until, until);
      else this.lose();
    } catch {
      // The database is away. The lease still stands until its end; after that another may hold the operation.
      if (this.clock.now().getTime() >= this.#until) this.lose();
    }
  }

  /** Notes that the operation is not held any more. */
  lose(): void {
    this.#lost = true;
    this.interrupt('The lease was lost.');
  }

  /** Asks the running step to stop. */
  interrupt(reason: string): void {
    this.#abort.abort(new Error(reason));
  }

  /** Ends the heartbeat. */
  stop(): void {
    clearInterval(this.#timer);
  }
}
