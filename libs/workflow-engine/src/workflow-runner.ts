import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { minutes, seconds, systemClock, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import type { Logger } from '@managed-consul/observability';
import { Lease, type LeaseTimes } from './lease';
import { OperationRun, type RunEnd, type RunTools } from './operation-run';
import type { LeaseKey } from './operation-change';
import { LeaseLostError, OperationStore } from './operation-store';
import { StepRows } from './step-rows';
import type { WorkflowMetrics } from './workflow-metrics';
import { ProcessDied, type Bell, type StepBoundary, type WorkflowHost } from './workflow-host';

/** What a runner is made of. `name` tells workers apart in the database; `random` spreads retries, 0 to 1. */
export interface RunnerOptions<Services extends object> {
  readonly database: Database;
  readonly host: WorkflowHost<Services>;
  readonly bell: Bell;
  readonly log: Logger;
  readonly name: string;
  readonly clock?: Clock;
  readonly lease?: LeaseTimes;
  readonly random?: () => number;
  readonly boundary?: StepBoundary;
  /** Where what is done is counted; nowhere unless given. */
  readonly metrics?: WorkflowMetrics;
}

/** What came of a bell. `not-due`: held by another, ended, or too early; `blocked`: another operation of the subject is first. */
export type RunResult = RunEnd['kind'] | 'not-due' | 'blocked' | 'paused' | 'lost' | 'broken';

const DEFAULT_LEASE: LeaseTimes = { lasts: seconds(30), renewEvery: seconds(10) };

/** A bell may come this early: the queue's clock and ours are not the same. */
const EARLY: Milliseconds = 500;

/** How soon an operation looks again for what is in its way; its end rings sooner. */
const BLOCKED: Milliseconds = seconds(5);

/** How soon a paused operation looks whether the pause was lifted. */
const PAUSED: Milliseconds = seconds(15);

/** How soon an operation of a kind that this worker does not know is offered again: another version may know it. */
const UNKNOWN_KIND: Milliseconds = minutes(1);

/** Delays between attempts to give a lease back after the database failed; together shorter than a lease. */
const RELEASE_DELAYS: readonly Milliseconds[] = [0, 500, 1000, 2000, 4000, 8000];

/** Carries out operations. `run` is called for every bell, as often as one likes: the lease decides. */
export class WorkflowRunner<Services extends object> {
  readonly #options: RunnerOptions<Services>;
  readonly #store: OperationStore;
  readonly #clock: Clock;
  readonly #times: LeaseTimes;
  readonly #runs = new Map<Promise<unknown>, Lease>();
  readonly #session = randomBytes(6).toString('hex');
  #leases = 0;
  #stopping = false;

  constructor(options: RunnerOptions<Services>) {
    this.#options = options;
    this.#store = new OperationStore(options.database);
    this.#clock = options.clock ?? systemClock;
    this.#times = options.lease ?? DEFAULT_LEASE;
  }

  /** Carries an operation as far as it goes now. Never throws but for `ProcessDied`, which only a boundary can cause. */
  async run(operationId: string): Promise<RunResult> {
    if (this.#stopping) return 'not-due';
    const key: LeaseKey = { id: operationId, owner: `${this.#options.name}/${this.#session}/${++this.#leases}` };
    try {
      return await this.#take(key);
    } catch (error) {
      if (error instanceof ProcessDied) throw error;
      if (error instanceof LeaseLostError) {
        this.#options.metrics?.leaseLost();
        this.#options.log.warn({ operationId }, 'lease was lost; nothing was written');
        return 'lost';
      }
      this.#options.log.error({ operationId, err: error }, 'operation could not be carried on');
      await this.#giveBack(key);
      return 'broken';
    }
  }

  /** Lets running steps end for `grace`, then asks them to stop and waits `last` more; takes no new work. Leases are given back. */
  async stop(grace: Milliseconds = seconds(20), last: Milliseconds = seconds(5)): Promise<void> {
    this.#stopping = true;
    const ended = Promise.allSettled(this.#runs.keys());
    await Promise.race([ended, delay(grace, undefined, { ref: false })]);
    for (const lease of this.#runs.values()) lease.interrupt('The worker stops.');
    await Promise.race([ended, delay(last, undefined, { ref: false })]);
    await this.#store.notices.sent();
  }

  async #take(key: LeaseKey): Promise<RunResult> {
    const now = this.#clock.now();
    const due = new Date(now.getTime() + EARLY);
    const until = new Date(now.getTime() + this.#times.lasts);
    const operation = await this.#store.acquire(key, now, due, until);
    if (!operation) return this.#stepAside(key.id, now, due);
    const workflow = this.#options.host.workflows.get(operation.kind);
    if (!workflow) {
      this.#options.log.error({ operationId: key.id, kind: operation.kind }, 'no workflow carries out this kind of operation');
      await this.#store.release(key, new Date(now.getTime() + UNKNOWN_KIND));
      return 'released';
    }
    const rows = new StepRows(await this.#store.steps(key.id));
    const lease = new Lease(key, until, this.#store, this.#clock, this.#times);
    const { host, log, random = Math.random, boundary, metrics } = this.#options;
    const isStopping = () => this.#stopping;
    const tools: RunTools<Services> = {
      store: this.#store,
      host,
      clock: this.#clock,
      log,
      random,
      boundary,
      isStopping,
      metrics,
    };
    const run = new OperationRun(operation, rows, lease, workflow, tools).run();
    this.#runs.set(run, lease);
    try {
      const { kind, ring } = await run;
      await this.#ring(ring);
      return kind;
    } finally {
      this.#runs.delete(run);
      lease.stop();
    }
  }

  async #stepAside(id: string, now: Date, due: Date): Promise<RunResult> {
    const paused = await this.#store.deferPaused(id, now, due, new Date(now.getTime() + PAUSED));
    if (paused) {
      await this.#ring([paused]);
      return 'paused';
    }
    const blocked = await this.#store.findBlocked(id, now, due);
    if (!blocked) return 'not-due';
    const pageAfter = this.#options.host.workflows.get(blocked.kind)?.pageOperatorAfter ?? Infinity;
    const pageAt = Number.isFinite(pageAfter) ? new Date(blocked.createdAt.getTime() + pageAfter) : null;
    const at = new Date(now.getTime() + BLOCKED);
    const { own, inTheWay } = await this.#store.defer(id, now, at, pageAt);
    await this.#ring([...inTheWay.map((call) => ({ ...call, at: now })), ...(own ? [{ ...own, at }] : [])]);
    return 'blocked';
  }

  async #ring(calls: RunEnd['ring']): Promise<void> {
    const now = this.#clock.now().getTime();
    await Promise.all(calls.map((call) => this.#options.bell.ring(call, Math.max(call.at.getTime() - now, 0))));
  }

  /** After a failure of the database or the host: tries to free the operation soon; otherwise its lease runs out. */
  async #giveBack(key: LeaseKey): Promise<void> {
    for (const pause of RELEASE_DELAYS) {
      await delay(pause, undefined, { ref: false });
      try {
        const at = new Date(this.#clock.now().getTime() + seconds(2));
        const call = await this.#store.release(key, at);
        if (call) await this.#ring([{ ...call, at }]);
        return;
      } catch {
        // The next attempt, or the end of the lease.
      }
    }
  }
}
