import { ArmError } from '../arm/arm-error';
import { type Collection, type Store } from '../store/store';

export interface Subscription {
  subscriptionId: string;
  tenantId: string;
  displayName: string;
  regions: string[];
}

/** Subscriptions, each in one tenant, with the regions that it may use. */
export class Subscriptions {
  readonly #rows: Collection<Subscription>;

  constructor(store: Store) {
    this.#rows = store.collection('subscriptions');
  }

  put(subscription: Subscription): void {
    this.#rows.put(subscription.subscriptionId.toLowerCase(), subscription);
  }

  find(subscriptionId: string): Subscription | undefined {
    return this.#rows.get(subscriptionId.toLowerCase());
  }

  list(): readonly Subscription[] {
    return this.#rows.list();
  }

  /** Throws `SubscriptionNotFound` (404) or, for what is no GUID, `InvalidSubscriptionId` (400). */
  require(subscriptionId: string): Subscription {
    const found = this.find(subscriptionId);
    if (found) return found;
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(subscriptionId)) {
      throw new ArmError(
        400,
        'InvalidSubscriptionId',
        `The provided subscription identifier '${subscriptionId}' is malformed or invalid.`,
      );
    }
    throw new ArmError(404, 'SubscriptionNotFound', `The subscription '${subscriptionId}' could not be found.`);
  }

  ofSubscription(subscriptionId: string): string {
    return this.require(subscriptionId).tenantId;
  }

  /** Regions for a resource; of one outside any subscription, those of all. */
  regionsOf(subscriptionId: string | undefined): readonly string[] {
    if (subscriptionId !== undefined) return this.require(subscriptionId).regions;
    return [...new Set(this.list().flatMap(({ regions }) => regions))];
  }
}
