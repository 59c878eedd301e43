import { ResourceManagementClient } from '@azure/arm-resources';
import type { AzureConnection } from './connection';
import { callAzure, findInAzure } from './errors';

/** What is asked of a resource group: who manages it, and how it is tagged. */
export interface ResourceGroupFacts {
  name: string;
  region: string;
  tags: Readonly<Record<string, string>>;
  /** Id of the managed application that owns the group, in lower case. */
  managedBy: string | undefined;
  provisioningState: string | undefined;
}

/** Resource groups of one subscription. */
export class ResourceGroups {
  readonly #client: ResourceManagementClient;

  constructor(connection: AzureConnection, subscriptionId: string) {
    this.#client = new ResourceManagementClient(connection.credential, subscriptionId, connection.options);
  }

  /** Undefined when there is no such group. */
  async find(name: string): Promise<ResourceGroupFacts | undefined> {
    const group = await findInAzure(`read the resource group ${name}`, () => this.#client.resourceGroups.get(name));
    return (
      group && {
        name: group.name ?? name,
        region: group.location,
        tags: group.tags ?? {},
        managedBy: group.managedBy?.toLowerCase(),
        provisioningState: group.properties?.provisioningState,
      }
    );
  }

  /** Adds tags to what `scope` (any ARM id) carries; the others stay. Running it twice changes nothing more. */
  async addTags(scope: string, tags: Readonly<Record<string, string>>, abortSignal?: AbortSignal): Promise<void> {
    await callAzure(`tag ${scope}`, async () => {
      await this.#client.tagsOperations.updateAtScope(
        scope,
        { operation: 'Merge', properties: { tags: { ...tags } } },
        { abortSignal },
      );
    });
  }
}
