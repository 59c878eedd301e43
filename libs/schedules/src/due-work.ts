import { startMissingSchedules, type ScheduleKind } from '@managed-consul/clusters';
import { minutes, seconds, systemClock, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import type { Logger } from '@managed-consul/observability';
import { DueLooks, type TakenLook } from './due-looks';
import type { Schedule, StillDue } from './schedule';

export interface DueWorkOptions {
  readonly database: Database;
  readonly schedules: readonly Schedule[];
  readonly log: Logger;
  /** Between two questions for what is due. */
  readonly every: Milliseconds;
  /**
   * Looks of one kind that go on at the same time in this process, where the schedule does not say: clusters that answer slowly
   * hold up no other, and a kind that takes long no other kind.
   */
  readonly concurrency?: number;
  /** How long a look may take before it is given up. */
  readonly patience?: Milliseconds;
  /** Until a look that failed is tried again. */
  readonly retryAfter?: Milliseconds;
  readonly clock?: Clock;
  /** Told of every look that ended. */
  readonly onLook?: (look: { kind: string; lateMs: Milliseconds; failed: boolean }) => void;
}

const MISSING_EVERY: Milliseconds = minutes(10);
/** A look that was given up still has this long to end before another process may take it. */
const LEASE_BEYOND_PATIENCE: Milliseconds = seconds(30);

/**
 * Lets every schedule look at the clusters that are due for it. Any number of processes may run side by side: each look is taken
 * by one of them, and comes back when that one dies. Runs on a timer of the process, not on the queue.
 */
export class DueWork {
  readonly #options: DueWorkOptions;
  readonly #looks: DueLooks;
  readonly #clock: Clock;
  readonly #schedules: ReadonlyMap<string, Schedule>;
  readonly #open = new Map<Promise<void>, ScheduleKind>();
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();
  #filledUpAt = 0;

  constructor(options: DueWorkOptions) {
    this.#options = options;
    this.#looks = new DueLooks(options.database);
    this.#clock = options.clock ?? systemClock;
    this.#schedules = new Map(options.schedules.map((schedule) => [schedule.kind, schedule]));
  }

  /** Takes what is due now, then again and again. */
  start(): void {
    this.#turn = this.#takeTurn()
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'what is due could not be read'))
      .then(() => {
        if (!this.#stopping.signal.aborted) this.#timer = setTimeout(() => this.start(), this.#options.every);
      });
  }

  /** Takes nothing more, interrupts the looks that go on, and waits for them. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#turn;
    await this.#openEnd();
  }

  /** Looks at everything that is due now, and waits for it. Throws if the database does. */
  async runDue(): Promise<void> {
    while ((await this.#take()) > 0) await this.#openEnd();
    await this.#openEnd();
  }

  async #takeTurn(): Promise<void> {
    const now = this.#clock.now().getTime();
    if (now - this.#filledUpAt >= MISSING_EVERY) {
      const count = await startMissingSchedules(this.#options.database, this.#clock.now());
      if (count > 0) this.#options.log.info({ count }, 'clusters lacked schedules and have them now');
      this.#filledUpAt = now;
    }
    await this.#take();
  }

  async #openEnd(): Promise<void> {
    await Promise.all(this.#open.keys());
  }

  /** How many more looks of each kind may go on; kinds that are full are not named. */
  #room(): Map<ScheduleKind, number> {
    const { concurrency = 20 } = this.#options;
    const open = [...this.#open.values()];
    const left = [...this.#schedules.values()].map(({ kind, places = concurrency }) => {
      return [kind, places - open.filter((one) => one === kind).length] as const;
    });
    return new Map(left.filter(([, places]) => places > 0));
  }

  /** Takes as many looks as there is room for; gives how many. */
  async #take(): Promise<number> {
    const { patience = seconds(60) } = this.#options;
    const room = this.#room();
    if (room.size === 0 || this.#stopping.signal.aborted) return 0;
    const taken = await this.#looks.take(this.#clock.now(), room, patience + LEASE_BEYOND_PATIENCE);
    for (const look of taken) {
      const ofKind = taken.filter(({ kind }) => kind === look.kind).length;
      this.#begin(look, patience, ofKind === room.get(look.kind));
    }
    return taken.length;
  }

  #begin(look: TakenLook, patience: Milliseconds, moreIsDue: boolean): void {
    const open = this.#run(look, patience)
      .catch((error: unknown) => this.#options.log.error({ err: error, ...named(look) }, 'the end of a look was not stored'))
      .then(() => void this.#open.delete(open));
    this.#open.set(open, look.kind);
    // The next turn may be far: whoever has room again goes on with what is left.
    if (moreIsDue && this.#timer) void open.then(() => this.#take()).catch(() => undefined);
  }

  async #run(look: TakenLook, patience: Milliseconds): Promise<void> {
    const { log, retryAfter = minutes(1), onLook } = this.#options;
    const now = this.#clock.now();
    const impatience = AbortSignal.timeout(patience);
    const signal = AbortSignal.any([impatience, this.#stopping.signal]);
    let next: Date | StillDue | undefined;
    let failed = false;
    try {
      next = await this.#scheduleOf(look).run(look.clusterId, { now, dueAt: look.dueAt, signal });
    } catch (error) {
      failed = true;
      // A look that was interrupted by the end of the process is due at once, for whoever is there.
      next = { lookAgainAt: this.#stopping.signal.aborted ? now : new Date(this.#clock.now().getTime() + retryAfter) };
      log.warn({ err: error, ...named(look) }, 'a look failed and is tried again');
    }
    onLook?.({ kind: look.kind, lateMs: now.getTime() - look.dueAt.getTime(), failed });
    await this.#looks.end(look, next);
  }

  #scheduleOf({ kind }: TakenLook): Schedule {
    const schedule = this.#schedules.get(kind);
    if (!schedule) throw new Error(`There is no schedule ${kind}.`);
    return schedule;
  }
}

const named = ({ clusterId, kind }: TakenLook) => ({ clusterId, schedule: kind });
