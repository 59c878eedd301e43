import { type EmulatorClock } from '../../clock/emulator-clock';
import { ArmError } from '../arm-error';
import { type Principal } from '../principal';

export type ThrottleKind = 'reads' | 'writes' | 'deletes';

/** A token bucket: how many requests at once, and how many come back each second. */
export interface ThrottleLimit {
  readonly burst: number;
  readonly perSecond: number;
}

interface Bucket {
  level: number;
  at: number;
}

/** Buckets of the sizes that Resource Manager has, for rates that are settings. */
export const throttleLimits = (
  readsPerSecond: number,
  writesPerSecond: number,
): Readonly<Record<ThrottleKind, ThrottleLimit>> => ({
  reads: { burst: readsPerSecond * 10, perSecond: readsPerSecond },
  writes: { burst: writesPerSecond * 20, perSecond: writesPerSecond },
  deletes: { burst: writesPerSecond * 20, perSecond: writesPerSecond },
});

const kindOf = (method: string): ThrottleKind =>
  method === 'GET' || method === 'HEAD' ? 'reads' : method === 'DELETE' ? 'deletes' : 'writes';

/** Counts requests in a bucket for each subscription (or tenant), principal and kind. */
export class Throttle {
  readonly #clock: EmulatorClock;
  readonly #limits: Readonly<Record<ThrottleKind, ThrottleLimit>>;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: EmulatorClock, limits: Readonly<Record<ThrottleKind, ThrottleLimit>>) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Takes one request and gives the header of what remains. Throws 429 with Retry-After. */
  take(method: string, caller: Principal, subscriptionId: string | undefined): Record<string, string> {
    const kind = kindOf(method);
    const scope = subscriptionId === undefined ? `tenant:${caller.tenantId}` : `subscription:${subscriptionId.toLowerCase()}`;
    const bucket = this.#refilled(`${scope}|${caller.objectId}|${kind}`, this.#limits[kind]);
    const header = `x-ms-ratelimit-remaining-${subscriptionId === undefined ? 'tenant' : 'subscription'}-${kind}`;
    if (bucket.level < 1) {
      const wait = Math.max(1, Math.ceil((1 - bucket.level) / this.#limits[kind].perSecond));
      const message = `Number of '${kind.slice(0, -1)}' requests for ${scope.replace(':', " '")}' actor '${caller.objectId}' exceeded. Please try again after '${wait}' seconds.`;
      const code = subscriptionId === undefined ? 'TenantRequestsThrottled' : 'SubscriptionRequestsThrottled';
      throw new ArmError(429, code, message, { headers: { 'retry-after': String(wait), [header]: '0' } });
    }
    bucket.level -= 1;
    return { [header]: String(Math.floor(bucket.level)) };
  }

  #refilled(key: string, limit: ThrottleLimit): Bucket {
    const now = this.#clock.now().getTime();
    const bucket = this.#buckets.get(key) ?? { level: limit.burst, at: now };
    this.#buckets.set(key, bucket);
    bucket.level = Math.min(limit.burst, bucket.level + (Math.max(0, now - bucket.at) / 1000) * limit.perSecond);
    bucket.at = now;
    return bucket;
  }
}
