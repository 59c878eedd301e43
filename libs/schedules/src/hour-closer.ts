import { minutes, systemClock, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import type { Logger } from '@managed-consul/observability';
import { checkClosedHours, closeDueHours, giveBudgetNotices, monthOf } from '@managed-consul/usage';

/** A day's hours of a month are spread over the day. */
const CHECKED_AT_ONCE = 5;

export interface HourCloserOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly every?: Milliseconds;
  readonly clock?: Clock;
}

/**
 * Writes every clock hour into the ledger of usage soon after it ended, those that were missed as well, and gives the notices
 * of budgets that they call for. Computes closed hours again, each once a day, and says where the ledger differs. Any number may run side by side: an hour is closed by one of them.
 */
export class HourCloser {
  readonly #options: HourCloserOptions;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: HourCloserOptions) {
    this.#options = options;
  }

  /** Closes what is due now, then again and again. */
  start(): void {
    this.#turn = this.closeDue()
      .then(() => this.checkClosed())
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'an hour of usage could not be closed'))
      .then(() => {
        if (!this.#isStopped) this.#timer = setTimeout(() => this.start(), this.#options.every ?? minutes(1));
      });
  }

  /** Begins nothing more; waits for the hours that are being closed. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#turn;
  }

  /** Checks some of the hours whose check is due; what differs is for operators. Throws if the database does. */
  async checkClosed(): Promise<void> {
    const { database, log, clock = systemClock } = this.#options;
    for (const { hour, differences } of await checkClosedHours(database, clock.now(), CHECKED_AT_ONCE))
      if (differences > 0) log.error({ alarm: true, hour, differences }, 'the ledger differs from what was recorded');
  }

  /** Closes what is due. Throws if the database does. */
  async closeDue(): Promise<void> {
    const { database, log, clock = systemClock } = this.#options;
    const closed = await closeDueHours(database, clock.now());
    if (closed.length > 0) log.info({ hours: closed }, 'hours of usage are in the ledger');
    // Notices are about a month's cost: of many hours that were missed, the last of each month says it all.
    const lastOfMonths = new Map(closed.map((hour) => [monthOf(hour).from.getTime(), hour]));
    for (const hour of lastOfMonths.values())
      for (const { installationId, threshold, cost, amount } of await giveBudgetNotices(database, hour, clock.now()))
        log.info(
          { installationId, threshold, cost: cost.toFixed(), amount: amount.toFixed() },
          'a budget has reached a threshold',
        );
  }
}
