import { readFileSync } from 'node:fs';
import { ApplicationClient } from '@azure/arm-managedapplications';
import { ResourceManagementClient } from '@azure/arm-resources';
import type { Customer } from './customer';
import type { ServiceStatus } from './service-status';

/** Azure as the customer reaches it: the real clients, with the customer's own identity. */
export function azureAsCustomer(status: ServiceStatus, customer: Customer) {
  const options = {
    endpoint: status.azure.endpoint,
    credentials: { scopes: [`${status.azure.endpoint}/.default`] },
    credentialScopes: [`${status.azure.endpoint}/.default`],
    tlsOptions: { ca: readFileSync(status.azure.caFile, 'utf8') },
  };
  const { credential, identity } = customer;
  return {
    resources: new ResourceManagementClient(credential, identity.subscriptionId, options),
    applications: new ApplicationClient(credential, identity.subscriptionId, options),
  };
}

/** Ids of all resources in a resource group, in lower case. */
export async function resourcesIn(status: ServiceStatus, customer: Customer, resourceGroup: string): Promise<string[]> {
  const { resources } = azureAsCustomer(status, customer);
  const ids: string[] = [];
  for await (const { id } of resources.resources.listByResourceGroup(resourceGroup)) ids.push((id ?? '').toLowerCase());
  return ids.sort();
}
