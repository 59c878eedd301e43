import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { seconds, type Milliseconds } from '@managed-consul/config';
import { answers, type Database } from '@managed-consul/database';
import { InternalListener, type Logger, type Metrics } from '@managed-consul/observability';
import { BellListener, type QueueBell } from '@managed-consul/operations';
import {
  addFleetMetrics,
  addServiceMetrics,
  addUsageMetrics,
  DueWork,
  HourCloser,
  BreakGlassCloser,
  OldAnswers,
  RolloutDriver,
  Sweeper,
  UsageSender,
  type Schedule,
} from '@managed-consul/schedules';
import type { OperationRecord, WorkflowRunner } from '@managed-consul/workflow-engine';

/** Token of what the worker is made of. */
export const WORKER_PARTS = Symbol('WorkerParts');

export interface WorkerParts {
  readonly database: Database;
  readonly bell: QueueBell;
  readonly runner: Pick<WorkflowRunner<object>, 'run' | 'stop'>;
  /** Tells a person that an operation takes too long. */
  readonly page: (operation: OperationRecord) => Promise<void>;
  readonly log: Logger;
  readonly redisUrl: string;
  readonly concurrency: number;
  readonly sweepEvery: Milliseconds;
  /** What is done for clusters unasked, and how often what is due is looked for. */
  readonly schedules: readonly Schedule[];
  readonly scheduleEvery: Milliseconds;
  readonly stopWithin: Milliseconds;
  /** What the parts count; the figures of the fleet are added here. */
  readonly metrics: Metrics;
  readonly healthHost: string;
  readonly healthPort: number;
}

/** Hears bells and carries operations on; sweeps; lets schedules look; says whether it can work. */
@Injectable()
export class OperationWorker implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #parts: WorkerParts;
  /** What is looked for again and again. */
  readonly #looks: readonly { start(): void; stop(): Promise<unknown> }[];
  readonly #health: InternalListener;
  #listener: BellListener | undefined;
  #healthPort = 0;

  constructor(@Inject(WORKER_PARTS) parts: WorkerParts) {
    this.#parts = parts;
    const { database, bell, log, page, sweepEvery, schedules, scheduleEvery, metrics } = parts;
    this.#looks = [
      new Sweeper({ database, bell, log, page, every: sweepEvery }),
      new DueWork({ database, schedules, log, every: scheduleEvery }),
      new HourCloser({ database, log }),
      new UsageSender({ database, bell, log }),
      new RolloutDriver({ database, bell, log }),
      new BreakGlassCloser({ database, bell, log }),
      new OldAnswers({ database, log }),
    ];
    addFleetMetrics(metrics, database);
    addServiceMetrics(metrics, database);
    addUsageMetrics(metrics, database);
    const checks = {
      database: () => answers(database),
      redis: () => bell.isReachable(),
    };
    this.#health = new InternalListener(checks, metrics);
  }

  /** Port on which health is told. */
  get healthPort(): number {
    return this.#healthPort;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { redisUrl, concurrency, log, runner, healthHost, healthPort } = this.#parts;
    this.#healthPort = await this.#health.listen(healthHost, healthPort);
    this.#listener = new BellListener({ redisUrl, concurrency, log, answer: (id) => runner.run(id) });
    for (const look of this.#looks) look.start();
    log.info({ concurrency, healthPort: this.#healthPort }, 'worker has started');
  }

  /** First nothing new, then what runs is let end, then leases are back and the rest is closed. */
  async onApplicationShutdown(): Promise<void> {
    this.#health.leave();
    await Promise.all([this.#listener?.pause(), ...this.#looks.map((look) => look.stop())]);
    await this.#parts.runner.stop(this.#parts.stopWithin, seconds(5));
    await this.#listener?.close(true);
    await this.#health.close();
  }
}
