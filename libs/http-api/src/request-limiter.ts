import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { nameOf, type Caller } from '@managed-consul/access';
import { seconds, type Milliseconds } from '@managed-consul/config';
import { AppError } from '@managed-consul/errors';
import type { Logger } from '@managed-consul/observability';

/** Requests that one caller may send in a minute. */
export interface Allowance {
  readonly reads: number;
  readonly writes: number;
}

/** How long counting may hold up a request; then this process counts for itself. */
const PATIENCE: Milliseconds = seconds(0.25);
const WINDOW_SECONDS = 60;
const READS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];
/** How ARM's own services tell what is left of a limit of theirs: `policy;count`. */
const LEFT_HEADER = 'x-ms-ratelimit-remaining-resource';

/** A caller's allowance of one kind, counted for all processes of an interface in Redis, or in each while Redis is away. */
function limiterOf(redis: Redis, prefix: string, points: number): RateLimiterRedis {
  const options = { keyPrefix: prefix, points, duration: WINDOW_SECONDS };
  return new RateLimiterRedis({
    ...options,
    storeClient: redis,
    // Whoever is over it costs Redis nothing more until the minute has passed.
    inMemoryBlockOnConsumed: points,
    rejectIfRedisNotReady: true,
    insuranceLimiter: new RateLimiterMemory(options),
  });
}

/**
 * Holds each caller to so many requests a minute, reads and writes apart, as ARM does (429 TooManyRequests with Retry-After).
 * A caller is a principal of a tenant: one that runs wild takes nothing from its colleagues.
 */
export class RequestLimiter {
  readonly #redis: Redis;
  readonly #limiters: Record<keyof Allowance, RateLimiterRedis>;

  /** `name` is that of the interface: its processes share what they count. */
  constructor(name: string, redisUrl: string, allowance: Allowance, log: Logger) {
    this.#redis = new Redis(redisUrl, {
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      commandTimeout: PATIENCE,
      connectTimeout: PATIENCE,
      retryStrategy: (times) => Math.min(times * 100, seconds(1)),
    });
    this.#redis.on('error', (err) => log.debug({ err }, 'Redis is not reachable'));
    this.#limiters = {
      reads: limiterOf(this.#redis, `requests:${name}:reads`, allowance.reads),
      writes: limiterOf(this.#redis, `requests:${name}:writes`, allowance.writes),
    };
  }

  /** Counts one request, and gives what is left as ARM's header has it, e.g. `Writes;299`. Throws TooManyRequests. */
  async count(caller: Caller, method: string): Promise<string> {
    const kind = READS.includes(method) ? 'reads' : 'writes';
    const policy = kind === 'reads' ? 'Reads' : 'Writes';
    try {
      const { remainingPoints } = await this.#limiters[kind].consume(nameOf(caller));
      return `${policy};${remainingPoints}`;
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      const retryAfterSeconds = Math.ceil(refusal.msBeforeNext / 1000);
      const message = `You send more than ${this.#limiters[kind].points} ${kind} a minute. Go on in ${retryAfterSeconds} s, and use ?wait= where you poll.`;
      throw new AppError('TooManyRequests', message, { retryAfterSeconds });
    }
  }

  /** Whether all processes count together at the moment, and not each for itself. */
  countsInRedis(): boolean {
    return this.#redis.status === 'ready';
  }

  close(): void {
    this.#redis.disconnect();
  }
}

/** The same guard, which then counts the requests of whoever it has let through. */
export function limitRequests(guard: CanActivate, limiter: RequestLimiter | undefined): CanActivate {
  if (!limiter) return guard;
  return {
    canActivate: async (context: ExecutionContext): Promise<boolean> => {
      if (!(await guard.canActivate(context))) return false;
      const http = context.switchToHttp();
      const { requester, method } = http.getRequest<FastifyRequest>();
      if (requester) void http.getResponse<FastifyReply>().header(LEFT_HEADER, await limiter.count(requester, method));
      return true;
    },
  };
}
