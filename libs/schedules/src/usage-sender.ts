import { OPERATION_KINDS, USAGE_SUBJECT } from '@managed-consul/clusters';
import { minutes, systemClock, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Logger } from '@managed-consul/observability';
import { requestOperation, type Bell, type Operation } from '@managed-consul/operations';
import { isSendingWanted } from '@managed-consul/usage-emission';

export interface UsageSenderOptions {
  readonly database: Database;
  readonly bell: Bell;
  readonly log: Logger;
  readonly every?: Milliseconds;
  readonly clock?: Clock;
}

/** Asks for usage to be told to the Marketplace whenever there is some. Any number may run side by side: one is heard. */
export class UsageSender {
  readonly #options: UsageSenderOptions;
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  constructor(options: UsageSenderOptions) {
    this.#options = options;
  }

  /** Looks now, then again and again. */
  start(): void {
    this.#look = this.look()
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'usage for the Marketplace could not be looked for'))
      .then(() => {
        if (!this.#isStopped) this.#timer = setTimeout(() => this.start(), this.#options.every ?? minutes(1));
      });
  }

  /** Looks no more; waits for the look that is on. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#look;
  }

  /** Gives the operation that it asked for: none when nothing is to be told, or one is under way. */
  async look(): Promise<Operation | undefined> {
    const { database, bell, clock = systemClock } = this.#options;
    if (!(await isSendingWanted(database, clock.now()))) return undefined;
    const request = {
      kind: OPERATION_KINDS.sendUsage,
      subject: USAGE_SUBJECT,
      lane: 'Change',
      input: {},
      requestedBy: 'service',
    } as const;
    try {
      const requested = await database.prisma.$transaction((tx) => requestOperation(tx, request, clock));
      await bell.ring(requested);
      return requested;
    } catch (error) {
      if (error instanceof AppError && error.code === 'OperationInProgress') return undefined;
      throw error;
    }
  }
}
