import { setTimeout as delay } from 'node:timers/promises';
import { hours, seconds, systemClock, type Clock, type Milliseconds } from '@managed-consul/config';
import type { LeaseTimes } from '@managed-consul/workflow-engine';
import { FakeClock } from '../fake-clock';

/** How time goes by in a trial: at once on a clock moved by hand, or really, where real machines take part. */
export interface TrialTime {
  readonly clock: Clock;
  readonly lease: LeaseTimes;
  /** An operation that takes longer has gone astray. */
  readonly patience: Milliseconds;
  pass(length: Milliseconds): Promise<void>;
  /** Whether nobody waits for the lease of a worker that is known to have died: the wait itself is tried elsewhere, and long. */
  readonly endsLeasesOfTheDead?: boolean;
}

/** Time that passes at once. For workflows whose whole world is in the test. */
export function fakeTime(clock: FakeClock = new FakeClock()): TrialTime {
  return {
    clock,
    lease: { lasts: seconds(30), renewEvery: seconds(10) },
    patience: hours(12),
    pass: async (length) => clock.advance(length),
  };
}

/** Real time, in which a dead worker is succeeded at once. For workflows on real clusters. */
export function realTime(patience: Milliseconds): TrialTime {
  const lease = { lasts: seconds(5), renewEvery: seconds(1) };
  return { clock: systemClock, lease, patience, pass: (length) => delay(length), endsLeasesOfTheDead: true };
}
