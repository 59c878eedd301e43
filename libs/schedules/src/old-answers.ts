import { forgetOldAnswers } from '@managed-consul/access';
import { hours, systemClock, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import type { Logger } from '@managed-consul/observability';
import { RepeatedLook } from './repeated-look';

export interface OldAnswersOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly every?: Milliseconds;
  readonly clock?: Clock;
}

/** Removes what was kept for repetitions of requests (Idempotency-Key) once nobody repeats them any more. */
export class OldAnswers extends RepeatedLook {
  readonly #options: OldAnswersOptions;

  constructor(options: OldAnswersOptions) {
    const { every = hours(1), log } = options;
    super({ every, log, trouble: 'old answers could not be removed' });
    this.#options = options;
  }

  async look(): Promise<void> {
    const { database, clock = systemClock } = this.#options;
    while (!this.isStopped && (await forgetOldAnswers(database, clock.now())));
  }
}
