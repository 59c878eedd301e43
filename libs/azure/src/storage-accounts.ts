import { StorageManagementClient } from '@azure/arm-storage';
import type { AzureConnection } from './connection';
import { callAzure, findInAzure } from './errors';

/** The storage account of a cluster: its snapshots stay in it, in the customer's own resource group. */
export interface StorageAccountFacts {
  name: string;
  blobEndpoint: string | undefined;
  provisioningState: string | undefined;
  tags: Readonly<Record<string, string>>;
}

/** Storage accounts of one subscription. */
export class StorageAccounts {
  readonly #client: StorageManagementClient;

  constructor(connection: AzureConnection, subscriptionId: string) {
    this.#client = new StorageManagementClient(connection.credential, subscriptionId, connection.options);
  }

  /** Undefined when there is no such account. */
  async find(resourceGroup: string, name: string): Promise<StorageAccountFacts | undefined> {
    const account = await findInAzure(`read the storage account ${name}`, () =>
      this.#client.storageAccounts.getProperties(resourceGroup, name),
    );
    return (
      account && {
        name: account.name ?? name,
        blobEndpoint: account.primaryEndpoints?.blob,
        provisioningState: account.provisioningState,
        tags: account.tags ?? {},
      }
    );
  }

  /** Puts `tags` in the place of all that the account carries. Asks nothing any more once `abortSignal` is aborted. */
  async replaceTags(
    resourceGroup: string,
    name: string,
    tags: Readonly<Record<string, string>>,
    abortSignal?: AbortSignal,
  ): Promise<void> {
    await callAzure(`tag the storage account ${name}`, () =>
      this.#client.storageAccounts.update(resourceGroup, name, { tags: { ...tags } }, { abortSignal }),
    );
  }
}
