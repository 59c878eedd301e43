import { seconds, systemClock, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import { advanceDueRollout, beginDueMaintenance } from '@managed-consul/fleet';
import type { Logger } from '@managed-consul/observability';
import type { Bell } from '@managed-consul/operations';
import { RepeatedLook } from './repeated-look';

export interface RolloutDriverOptions {
  readonly database: Database;
  readonly bell: Bell;
  readonly log: Logger;
  readonly every?: Milliseconds;
  readonly clock?: Clock;
}

/** Carries rollouts on, and begins those of maintenance schedules. Any number may run side by side: each rollout is looked at by one. */
export class RolloutDriver extends RepeatedLook {
  readonly #options: RolloutDriverOptions;

  constructor(options: RolloutDriverOptions) {
    const { every = seconds(5), log } = options;
    super({ every, log, trouble: 'a rollout could not be carried on' });
    this.#options = options;
  }

  /** Carries on everything that is due. Throws if the database does. */
  async look(): Promise<void> {
    const { database, bell, clock = systemClock } = this.#options;
    while (!this.isStopped && (await beginDueMaintenance(database, clock)));
    for (;;) {
      const begun = this.isStopped ? undefined : await advanceDueRollout(database, clock);
      if (!begun) return;
      for (const operation of begun) await bell.ring(operation);
    }
  }
}
