import { seconds, type Milliseconds } from '@managed-consul/config';
import type { Logger } from '@managed-consul/observability';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { Bell } from './bell';

/** Name of the queue on which workers hear. */
export const OPERATIONS_QUEUE = 'operations';

/** What a bell says: which operation, and nothing else. */
export interface OperationJob {
  readonly operationId: string;
}

const RING_TIMEOUT = seconds(2);

/** A bell that rings through BullMQ. A Redis that is away costs a bell and never the request: the sweeper rings again. */
export class QueueBell implements Bell {
  readonly #queue: Queue<OperationJob>;
  readonly #redis: Redis;
  readonly #log: Logger;

  constructor(redisUrl: string, log: Logger) {
    this.#log = log;
    // Fails at once while Redis is away instead of keeping bells that nobody waits for.
    this.#redis = new Redis(redisUrl, { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: RING_TIMEOUT });
    this.#redis.on('error', (err) => log.debug({ err }, 'Redis is not reachable'));
    this.#queue = new Queue(OPERATIONS_QUEUE, { connection: this.#redis, skipVersionCheck: true });
    this.#queue.on('error', (err) => log.debug({ err }, 'Redis is not reachable'));
  }

  async ring({ id, wakeNumber }: { id: string; wakeNumber: number }, delay?: Milliseconds): Promise<void> {
    try {
      // The job id makes a repeated bell one; it must hold no ":".
      const options = { jobId: `operation-${id}-${wakeNumber}`, attempts: 1, removeOnComplete: true, removeOnFail: true };
      await this.#queue.add('run', { operationId: id }, delay === undefined ? options : { ...options, delay });
    } catch (err) {
      this.#log.warn({ err, operationId: id }, 'A bell could not be rung; the sweeper rings again');
    }
  }

  async close(): Promise<void> {
    await this.#queue.close();
    this.#redis.disconnect();
  }
}
