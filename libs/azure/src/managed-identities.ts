import { ManagedServiceIdentityClient } from '@azure/arm-msi';
import type { AzureConnection } from './connection';
import { findInAzure } from './errors';

/** A user-assigned identity: what the servers of a cluster prove themselves with. */
export interface IdentityFacts {
  /** ARM id, in lower case. */
  id: string;
  principalId: string | undefined;
  clientId: string | undefined;
}

/** User-assigned identities of one subscription. */
export class ManagedIdentities {
  readonly #client: ManagedServiceIdentityClient;

  constructor(connection: AzureConnection, subscriptionId: string) {
    this.#client = new ManagedServiceIdentityClient(connection.credential, subscriptionId, {
      ...connection.options,
      $host: connection.endpoint,
    });
  }

  /** Undefined when there is no such identity. */
  async find(resourceGroup: string, name: string): Promise<IdentityFacts | undefined> {
    const identity = await findInAzure(`read the identity ${name}`, () =>
      this.#client.userAssignedIdentities.get(resourceGroup, name),
    );
    return identity && { id: (identity.id ?? '').toLowerCase(), principalId: identity.principalId, clientId: identity.clientId };
  }
}
