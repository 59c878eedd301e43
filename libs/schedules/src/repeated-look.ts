import type { Milliseconds } from '@managed-consul/config';
import type { Logger } from '@managed-consul/observability';

/** How often, and what the log says when a look has failed. */
export interface LookRhythm {
  readonly every: Milliseconds;
  readonly log: Logger;
  readonly trouble: string;
}

/** Something that a worker looks for again and again. A look that fails is logged, and the next one comes as usual. */
export abstract class RepeatedLook {
  readonly #rhythm: LookRhythm;
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  protected constructor(rhythm: LookRhythm) {
    this.#rhythm = rhythm;
  }

  protected get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Looks once. Throws if the database does. */
  abstract look(): Promise<unknown>;

  /** Looks now, then again and again. */
  start(): void {
    const { every, log, trouble } = this.#rhythm;
    this.#look = this.look()
      .catch((error: unknown) => log.error({ err: error }, trouble))
      .then(() => {
        if (!this.#isStopped) this.#timer = setTimeout(() => this.start(), every);
      });
  }

  /** Looks no more; waits for the look that is on. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#look;
  }
}
