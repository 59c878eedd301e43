import { ResourceManagementClient } from '@azure/arm-resources';
import { TransientError } from '@managed-consul/errors';
import type { AzureConnection } from './connection';
import type { ResourceState } from './drift';
import { callAzure, findInAzure } from './errors';
import { PART_TYPES, RESOURCE_TYPES } from './names';

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
  [PART_TYPES.blobContainer]: '2023-05-01',
  [PART_TYPES.roleAssignment]: '2022-04-01',
};

const isSame = (one: string | undefined, other: string): boolean => one?.toLowerCase() === other.toLowerCase();

const STABLE = /^\d{4}-\d\d-\d\d$/;

/** Versions are dates, previews with a word behind: the newest stable one, or the newest where there are only previews. */
function newestOf(versions: readonly string[]): string | undefined {
  const stable = versions.filter((version) => STABLE.test(version));
  return [...(stable.length > 0 ? stable : versions)].sort().at(-1);
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
  readonly #foundVersions = new Map<string, string>();

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
    const apiVersion = await this.#apiVersionOf(type);
    const resource = await findInAzure(`read ${id}`, () => this.#client.resources.getById(id, apiVersion));
    return resource && factsOf(resource);
  }

  /** The whole resource as its type's interface gives it; undefined when there is none. */
  async read(id: string, type: string): Promise<ResourceState | undefined> {
    const apiVersion = await this.#apiVersionOf(type);
    const resource = await findInAzure(`read ${id}`, () => this.#client.resources.getById(id, apiVersion));
    return resource && { ...resource, tags: resource.tags ?? {} };
  }

  /**
   * Asks Azure to remove a resource and returns when it has agreed; gone already is agreed as well. Asks nothing any more once
   * `abortSignal` is aborted.
   */
  async startRemoval({ id, type }: Pick<ResourceFacts, 'id' | 'type'>, abortSignal?: AbortSignal): Promise<void> {
    const apiVersion = await this.#apiVersionOf(type);
    await findInAzure(`remove ${id}`, () => this.#client.resources.deleteById(id, apiVersion, { abortSignal }).submitted());
  }

  /** Types that the template does not make come from the customer, with the cluster's tag on: Azure says how to speak of them. */
  async #apiVersionOf(type: string): Promise<string> {
    const known = Object.entries(API_VERSIONS).find(([name]) => isSame(name, type))?.[1] ?? this.#foundVersions.get(type);
    if (known) return known;
    const [namespace = '', ...kind] = type.split('/');
    const provider = await callAzure(`read the versions of ${type}`, () => this.#client.providers.get(namespace));
    const offered = provider.resourceTypes?.find(({ resourceType }) => isSame(resourceType, kind.join('/')));
    const newest = newestOf(offered?.apiVersions ?? []);
    if (!newest) throw new TransientError(`Azure names no version of ${type}`);
    this.#foundVersions.set(type, newest);
    return newest;
  }
}
