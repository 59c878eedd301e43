import type { Clock, Milliseconds } from '@managed-consul/config';

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now: number;

  constructor(start: Date | string = '2026-01-01T00:00:00Z') {
    this.#now = new Date(start).getTime();
  }

  now(): Date {
    return new Date(this.#now);
  }

  /** Moves the clock forward. */
  advance(by: Milliseconds): void {
    if (by < 0) throw new RangeError('A clock only moves forward.');
    this.#now += by;
  }

  /** Moves the clock to `moment`, which may not lie in its past. */
  advanceTo(moment: Date | string): void {
    this.advance(new Date(moment).getTime() - this.#now);
  }
}
