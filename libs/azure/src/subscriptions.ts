import { SubscriptionClient } from '@azure/arm-resources-subscriptions';
import type { AzureConnection } from './connection';
import { findInAzure } from './errors';

/** A subscription: whose it is. */
export interface SubscriptionFacts {
  id: string;
  /** The Entra tenant that the subscription trusts: the customer's. */
  tenantId: string;
  state: string | undefined;
}

/** Subscriptions that the service may see. */
export class Subscriptions {
  readonly #client: SubscriptionClient;

  constructor(connection: AzureConnection) {
    this.#client = new SubscriptionClient(connection.credential, connection.options);
  }

  /** Undefined when there is no such subscription that the service may see. */
  async find(id: string): Promise<SubscriptionFacts | undefined> {
    const found = await findInAzure(`read the subscription ${id}`, () => this.#client.subscriptions.get(id));
    return found && { id: found.subscriptionId ?? id, tenantId: found.tenantId ?? '', state: found.state };
  }
}
