import { seconds, systemClock, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import type { Logger } from '@managed-consul/observability';
import { DueOperations, type Bell, type OperationRecord } from '@managed-consul/workflow-engine';

export interface SweeperOptions {
  readonly database: Database;
  readonly bell: Bell;
  /** Tells a person that an operation takes too long. */
  readonly page: (operation: OperationRecord) => Promise<void>;
  readonly log: Logger;
  readonly every?: Milliseconds;
  readonly clock?: Clock;
}

/**
 * Rings again for every operation that is due and held by nobody: whatever Redis lost costs at most one interval. Runs on a
 * timer of the process, not on the queue, which is what it stands in for. Any number may run side by side.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #due: DueOperations;
  #timer: NodeJS.Timeout | undefined;
  #sweep: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: SweeperOptions) {
    this.#options = options;
    this.#due = new DueOperations(options.database);
  }

  /** Sweeps now, then again and again. */
  start(): void {
    this.#sweep = this.sweep()
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'sweep failed'))
      .then(() => {
        if (!this.#isStopped) this.#timer = setTimeout(() => this.start(), this.#options.every ?? seconds(15));
      });
  }

  /** Sweeps no more; waits for the sweep that is on. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#sweep;
  }

  /** Rings for what is due, pages for what is overdue. Throws if the database does. */
  async sweep(): Promise<void> {
    const { bell, log, clock = systemClock } = this.#options;
    const now = clock.now();
    const reclaimed = await this.#due.reclaim(now);
    if (reclaimed > 0) log.warn({ count: reclaimed }, 'leases had run out; their workers are gone');
    let rung = 0;
    for await (const page of this.#due.pages(now)) {
      await Promise.all(page.map((operation) => bell.ring(operation)));
      rung += page.length;
    }
    log.debug({ rung }, 'swept');
    for (const operation of await this.#due.markOverdue(now)) await this.#page(operation);
  }

  async #page(operation: OperationRecord): Promise<void> {
    try {
      await this.#options.page(operation);
    } catch (error) {
      this.#options.log.error({ operationId: operation.id, err: error }, 'operation takes too long, and nobody could be paged');
    }
  }
}
