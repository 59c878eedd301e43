import { readFileSync } from 'node:fs';
import { ComputeManagementClient } from '@azure/arm-compute';
import { ApplicationClient } from '@azure/arm-managedapplications';
import { ResourceManagementClient } from '@azure/arm-resources';
import { clusterNames } from '@managed-consul/azure';
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
    compute: new ComputeManagementClient(credential, identity.subscriptionId, options),
    applications: new ApplicationClient(credential, identity.subscriptionId, options),
  };
}

/** Deletes the machine of the cluster's server with this name behind the service's back; done when Azure has agreed. */
export async function deleteMachine(
  status: ServiceStatus,
  customer: Customer,
  place: { resourceGroup: string; clusterId: string; serverName: string },
): Promise<void> {
  const { compute } = azureAsCustomer(status, customer);
  const { scaleSet } = clusterNames(place.clusterId);
  const instanceId = /-server-(\d+)$/.exec(place.serverName)?.[1];
  if (instanceId === undefined) throw new Error(`${place.serverName} is no server's name`);
  await compute.virtualMachineScaleSetVMs.delete(place.resourceGroup, scaleSet, instanceId).submitted();
}

/** Ids of all resources in a resource group, in lower case. */
export async function resourcesIn(status: ServiceStatus, customer: Customer, resourceGroup: string): Promise<string[]> {
  const { resources } = azureAsCustomer(status, customer);
  const ids: string[] = [];
  for await (const { id } of resources.resources.listByResourceGroup(resourceGroup)) ids.push((id ?? '').toLowerCase());
  return ids.sort();
}
