import { seconds, systemClock, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import { endDueBreakGlass } from '@managed-consul/fleet';
import type { Logger } from '@managed-consul/observability';
import type { Bell } from '@managed-consul/operations';
import { RepeatedLook } from './repeated-look';

export interface BreakGlassCloserOptions {
  readonly database: Database;
  readonly bell: Bell;
  readonly log: Logger;
  readonly every?: Milliseconds;
  readonly clock?: Clock;
}

/** Has the access of operators to Consul closed when its time is over. Any number may run side by side: each access is closed once. */
export class BreakGlassCloser extends RepeatedLook {
  readonly #options: BreakGlassCloserOptions;

  constructor(options: BreakGlassCloserOptions) {
    const { every = seconds(5), log } = options;
    super({ every, log, trouble: 'access of operators could not be looked through' });
    this.#options = options;
  }

  async look(): Promise<void> {
    const { database, bell, clock = systemClock } = this.#options;
    while (!this.isStopped) {
      const asked = await endDueBreakGlass(database, clock);
      if (!asked) return;
      await bell.ring(asked);
    }
  }
}
