import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { seconds } from '@managed-consul/config';
import type { Logger } from '@managed-consul/observability';
import { OPERATIONS_QUEUE, type OperationJob } from './queue-bell';

/** Hears bells. Outlives Redis: when it comes back, flushed or not, bells are heard again. */
export class BellListener {
  readonly #redis: Redis;
  readonly #worker: Worker<OperationJob>;

  /** `concurrency` bells are answered at a time; what `answer` throws is logged and forgotten: the operation's row knows more. */
  constructor(options: {
    redisUrl: string;
    concurrency: number;
    log: Logger;
    answer: (operationId: string) => Promise<unknown>;
  }) {
    const { redisUrl, concurrency, log, answer } = options;
    this.#redis = new Redis(redisUrl, { maxRetriesPerRequest: null, retryStrategy: (times) => Math.min(times * 100, 1000) });
    this.#redis.on('error', (error) => log.warn({ err: error }, 'Redis is not reachable'));
    this.#worker = new Worker<OperationJob>(OPERATIONS_QUEUE, (job) => answer(job.data.operationId).then(() => undefined), {
      connection: this.#redis,
      concurrency,
      // A bell whose worker died blocks its number until it is found stalled.
      lockDuration: seconds(15),
      stalledInterval: seconds(10),
      // After an outage; the default of 15 s is as long as a sweep.
      runRetryDelay: seconds(1),
    });
    this.#worker.on('error', (error) => log.warn({ err: error }, 'bells are not heard for the moment'));
    this.#worker.on('failed', (job, error) =>
      log.error({ operationId: job?.data.operationId, err: error }, 'bell was not answered'),
    );
  }

  /** Hears no new bell. */
  async pause(): Promise<void> {
    await this.#worker.pause(true);
  }

  /** Ends. With `force` bells that are being answered are not waited for. */
  async close(force = false): Promise<void> {
    await this.#worker.close(force);
    this.#redis.disconnect();
  }
}
