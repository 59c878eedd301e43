import { seconds, systemClock, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import { advanceDueRollout, beginDueMaintenance } from '@managed-consul/fleet';
import type { Logger } from '@managed-consul/observability';
import type { Bell } from '@managed-consul/operations';

export interface RolloutDriverOptions {
  readonly database: Database;
  readonly bell: Bell;
  readonly log: Logger;
  readonly every?: Milliseconds;
  readonly clock?: Clock;
}

/** Carries rollouts on, and begins those of maintenance schedules. Any number may run side by side: each rollout is looked at by one. */
export class RolloutDriver {
  readonly #options: RolloutDriverOptions;
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: RolloutDriverOptions) {
    this.#options = options;
  }

  /** Looks now, then again and again. */
  start(): void {
    this.#look = this.look()
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'a rollout could not be carried on'))
      .then(() => {
        if (!this.#isStopped) this.#timer = setTimeout(() => this.start(), this.#options.every ?? seconds(5));
      });
  }

  /** Looks no more; waits for the look that is on. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#look;
  }

  /** Carries on everything that is due. Throws if the database does. */
  async look(): Promise<void> {
    const { database, bell, clock = systemClock } = this.#options;
    while (!this.#isStopped && (await beginDueMaintenance(database, clock)));
    for (;;) {
      const begun = this.#isStopped ? undefined : await advanceDueRollout(database, clock);
      if (!begun) return;
      for (const operation of begun) await bell.ring(operation);
    }
  }
}
