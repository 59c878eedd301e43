import { type Clock, type Milliseconds } from '@managed-consul/config';
import { type Store } from '../store/store';

interface Sleeper {
  readonly wakeAt: number;
  readonly wake: () => void;
  timer: NodeJS.Timeout | undefined;
}

/**
 * The emulator's time: the machine's, moved by an offset that `/_emulator/clock` sets and that outlives a restart. Sleepers
 * follow it: moving time past their end wakes them.
 */
export class EmulatorClock implements Clock {
  readonly #store: Store;
  #offset: Milliseconds;
  readonly #sleepers = new Set<Sleeper>();

  constructor(store: Store) {
    this.#store = store;
    this.#offset = store.collection<{ offset: number }>('clock').get('clock')?.offset ?? 0;
  }

  now(): Date {
    return new Date(Date.now() + this.#offset);
  }

  /** Moves time by `by` (which may be negative); sleepers whose time has come wake. */
  advance(by: Milliseconds): void {
    this.#offset += by;
    this.#store.collection<{ offset: number }>('clock').put('clock', { offset: this.#offset });
    for (const sleeper of this.#sleepers) this.#arm(sleeper);
  }

  set(to: Date): void {
    this.advance(to.getTime() - this.now().getTime());
  }

  /** Resolves after `duration` of the emulator's time; rejects with the signal's reason when it is aborted. */
  sleep(duration: Milliseconds, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        clearTimeout(sleeper.timer);
        this.#sleepers.delete(sleeper);
        reject(signal?.reason as Error);
      };
      const sleeper: Sleeper = {
        wakeAt: this.now().getTime() + duration,
        timer: undefined,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#sleepers.add(sleeper);
      this.#arm(sleeper);
    });
  }

  #arm(sleeper: Sleeper): void {
    clearTimeout(sleeper.timer);
    // setTimeout holds 31 bits; a longer sleep looks again when that time is over.
    const remaining = Math.min(sleeper.wakeAt - this.now().getTime(), 2 ** 31 - 1);
    if (remaining <= 0) {
      sleeper.wake();
      return;
    }
    sleeper.timer = setTimeout(() => this.#arm(sleeper), remaining);
  }
}
