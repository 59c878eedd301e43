import { ResourceManagementClient } from '@azure/arm-resources';
import type { AzureConnection } from './connection';
import { callAzure, findInAzure } from './errors';
import { RESOURCE_TYPES } from './names';

/** One resource, as the list of a resource group shows it. */
export interface ResourceFacts {
  id: string;
  /** `Namespace/kind`, as Azure spells it. */
  type: string;
  name: string;
  tags: Readonly<Record<string, string>>;
  provisioningState: string | undefined;
}

interface RawResource {
  id?: string;
  type?: string;
  name?: string;
  tags?: Record<string, string>;
  properties?: unknown;
}

/** The version of each resource type's interface that generic calls are made with; also what the template asks for. */
export const API_VERSIONS: Readonly<Record<string, string>> = {
  [RESOURCE_TYPES.identity]: '2023-01-31',
  [RESOURCE_TYPES.securityGroup]: '2024-05-01',
  [RESOURCE_TYPES.virtualNetwork]: '2024-05-01',
  [RESOURCE_TYPES.publicAddress]: '2024-05-01',
  [RESOURCE_TYPES.natGateway]: '2024-05-01',
  [RESOURCE_TYPES.loadBalancer]: '2024-05-01',
  [RESOURCE_TYPES.scaleSet]: '2024-07-01',
  [RESOURCE_TYPES.storageAccount]: '2023-05-01',
};

/** For types that a customer's policy may have added to the group with the cluster's tag. */
const ANY_TYPE_API_VERSION = '2024-05-01';

function apiVersionOf(type: string): string {
  const known = Object.entries(API_VERSIONS).find(([name]) => name.toLowerCase() === type.toLowerCase());
  return known?.[1] ?? ANY_TYPE_API_VERSION;
}

const factsOf = (resource: RawResource): ResourceFacts => ({
  id: resource.id ?? '',
  type: resource.type ?? '',
  name: resource.name ?? '',
  tags: resource.tags ?? {},
  provisioningState: (resource.properties as { provisioningState?: string } | undefined)?.provisioningState,
});

/** Resources of one subscription, whatever their type. */
export class Resources {
  readonly #client: ResourceManagementClient;

  constructor(connection: AzureConnection, subscriptionId: string) {
    this.#client = new ResourceManagementClient(connection.credential, subscriptionId, connection.options);
  }

  /** Everything in a resource group that carries the tag with that value. An absent group has nothing. */
  async listByTag(resourceGroup: string, tag: string, value: string): Promise<ResourceFacts[]> {
    const filter = `tagName eq '${tag}' and tagValue eq '${value}'`;
    const found = await findInAzure(`list the resources of ${resourceGroup}`, async () => {
      const resources: ResourceFacts[] = [];
      for await (const resource of this.#client.resources.listByResourceGroup(resourceGroup, { filter }))
        resources.push(factsOf(resource));
      return resources;
    });
    // Looked at again here: what a wider answer contains must never be removed.
    return (found ?? []).filter((resource) => resource.tags[tag] === value);
  }

  /** Undefined when there is no such resource. */
  async find(id: string, type: string): Promise<ResourceFacts | undefined> {
    const resource = await findInAzure(`read ${id}`, () => this.#client.resources.getById(id, apiVersionOf(type)));
    return resource && factsOf(resource);
  }

  /** Asks Azure to remove a resource and returns when it has agreed; gone already is agreed as well. */
  async startRemoval(resource: Pick<ResourceFacts, 'id' | 'type'>): Promise<void> {
    await callAzure(`remove ${resource.id}`, async () => {
      const absent = await findInAzure(`remove ${resource.id}`, async () => {
        await this.#client.resources.deleteById(resource.id, apiVersionOf(resource.type)).submitted();
        return 'accepted';
      });
      return absent;
    });
  }
}
