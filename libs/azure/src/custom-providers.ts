import { ResourceManagementClient } from '@azure/arm-resources';
import { z } from 'zod';
import type { AzureConnection } from './connection';
import { findInAzure } from './errors';
import { resourceGroupId } from './names';

/** The only version of the interface that there is. */
const API_VERSION = '2018-09-01-preview';

const entrySchema = z.object({ endpoint: z.string() });
const propertiesSchema = z.object({
  actions: z.array(entrySchema).default([]),
  resourceTypes: z.array(entrySchema).default([]),
});

/** Custom providers: what Azure forwards requests of customers by. */
export class CustomProviders {
  readonly #client: ResourceManagementClient;
  readonly #subscriptionId: string;

  constructor(connection: AzureConnection, subscriptionId: string) {
    this.#client = new ResourceManagementClient(connection.credential, subscriptionId, connection.options);
    this.#subscriptionId = subscriptionId;
  }

  /** The addresses that the custom provider forwards to, each once; undefined when there is none of that name. */
  async findEndpoints(resourceGroup: string, name: string): Promise<string[] | undefined> {
    const group = resourceGroupId(this.#subscriptionId, resourceGroup);
    const id = `${group}/providers/Microsoft.CustomProviders/resourceProviders/${name}`;
    const found = await findInAzure(`read ${id}`, () => this.#client.resources.getById(id, API_VERSION));
    if (!found) return undefined;
    const { actions, resourceTypes } = propertiesSchema.parse(found.properties ?? {});
    return [...new Set([...actions, ...resourceTypes].map(({ endpoint }) => endpoint))];
  }
}
