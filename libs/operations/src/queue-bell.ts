import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { seconds, type Milliseconds } from '@managed-consul/config';
import type { Logger } from '@managed-consul/observability';
import type { Bell } from './bell';

/** The queue of the bells. A job is `{ operationId }` and nothing else: what is due stands in PostgreSQL. */
export const OPERATIONS_QUEUE = 'operations';

export interface OperationJob {
  readonly operationId: string;
}

/** How long ringing may hold up its caller; the sweeper rings what could not be rung. */
const PATIENCE: Milliseconds = seconds(2);

/** Bells by what became of them. */
export interface QueueDepth {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  readonly oldestWaitingSince: Date | undefined;
}

/** Rings by way of BullMQ. A bell that finds Redis away is logged and lost; ringing never throws. */
export class QueueBell implements Bell {
  readonly #redis: Redis;
  readonly #queue: Queue<OperationJob>;
  readonly #log: Logger;

  constructor(redisUrl: string, log: Logger) {
    this.#log = log;
    // Commands that Redis does not take soon must fail rather than pile up in memory while it is away.
    this.#redis = new Redis(redisUrl, {
      maxRetriesPerRequest: 1,
      commandTimeout: PATIENCE,
      connectTimeout: PATIENCE,
      retryStrategy: (times) => Math.min(times * 100, 1000),
    });
    this.#redis.on('error', (error) => log.debug({ err: error }, 'Redis is not reachable'));
    this.#queue = new Queue<OperationJob>(OPERATIONS_QUEUE, { connection: this.#redis, skipWaitingForReady: true });
    this.#queue.on('error', (error) => log.debug({ err: error }, 'the queue of operations has a problem'));
  }

  /** The queue itself, for whoever shows it. */
  get queue(): Queue<OperationJob> {
    return this.#queue;
  }

  async ring({ id, wakeNumber }: { readonly id: string; readonly wakeNumber: number }, delay: Milliseconds = 0): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const impatience = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('Redis took too long.')), PATIENCE);
    });
    try {
      // An id never used before, or BullMQ takes the bell for one that it knows: a kept job would swallow it.
      const job = { jobId: `operation-${id}-${wakeNumber}`, delay, attempts: 1, removeOnComplete: true, removeOnFail: true };
      await Promise.race([this.#queue.add('operation', { operationId: id }, job), impatience]);
    } catch (error) {
      this.#log.warn({ operationId: id, err: error }, 'bell could not be rung; the sweeper will');
    } finally {
      clearTimeout(timer);
    }
  }

  /** How many bells lie in the queue, and since when the oldest that nobody has heard; undefined while Redis does not answer. */
  async depth(): Promise<QueueDepth | undefined> {
    try {
      const [{ waiting = 0, active = 0, delayed = 0, failed = 0 }, [oldest]] = await Promise.all([
        this.#queue.getJobCounts('waiting', 'active', 'delayed', 'failed'),
        this.#queue.getWaiting(0, 0),
      ]);
      return { waiting, active, delayed, failed, oldestWaitingSince: oldest ? new Date(oldest.timestamp) : undefined };
    } catch {
      return undefined;
    }
  }

  /** Whether Redis answers. */
  async isReachable(): Promise<boolean> {
    try {
      await this.#redis.ping();
      return true;
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#queue.close();
    this.#redis.disconnect();
  }
}
