import { randomUUID } from 'node:crypto';
import { type EmulatorClock } from '../clock/emulator-clock';
import { type Collection, type Store } from '../store/store';
import { hourOf, type UsageEvent, type UsageRequest } from './usage-event';

/** What was taken, or what had been taken before for the same resource, dimension and hour. */
export interface Delivery {
  readonly status: 'Accepted' | 'Duplicate';
  readonly event: UsageEvent;
}

/** All usage that was ever taken. The day comes first in the key: reports ask for days. */
export class UsageEvents {
  readonly #events: Collection<UsageEvent>;
  readonly #clock: EmulatorClock;

  constructor(store: Store, clock: EmulatorClock) {
    this.#events = store.collection('usage-events');
    this.#clock = clock;
  }

  /** The first event of an hour wins; a later one is told what was taken, whatever its own quantity. */
  deliver(
    request: UsageRequest,
    {
      resourceId,
      resourceUri,
      offerId,
      publisherTenantId,
    }: Pick<UsageEvent, 'resourceId' | 'resourceUri' | 'offerId' | 'publisherTenantId'>,
  ): Delivery {
    const { quantity, dimension, start, planId } = request;
    const key = `${hourOf(start)}|${resourceId}|${dimension}`;
    const taken = this.#events.get(key);
    if (taken) return { status: 'Duplicate', event: taken };
    const event: UsageEvent = {
      usageEventId: randomUUID(),
      resourceId,
      resourceUri,
      offerId,
      publisherTenantId,
      messageTime: this.#clock.now().toISOString(),
      quantity,
      dimension,
      effectiveStartTime: start.toISOString(),
      planId,
    };
    this.#events.put(key, event);
    return { status: 'Accepted', event };
  }

  /** Of one UTC day (`2026-11-23`), in the order of hours. */
  listDay(day: string): readonly UsageEvent[] {
    return this.#events.list(`${day}T`);
  }
}
