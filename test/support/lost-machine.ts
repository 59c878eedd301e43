import { readFileSync } from 'node:fs';
import { ComputeManagementClient } from '@azure/arm-compute';
import { ClientSecretCredential } from '@azure/identity';
import { clusterNames } from '@managed-consul/azure';
import { foldersOf } from '../../infra/local/folders';
import { loadIdentities } from '../../infra/local/identities';
import type { ServiceStatus } from './service-status';

/**
 * Deletes the machine of a server behind the service's back, disks and all; done when Azure has agreed. With the publisher's own
 * identity: in a managed application customers may not touch it.
 */
export async function loseMachine(
  { azure, stateFolder }: ServiceStatus,
  { subscriptionId, resourceGroup, clusterId }: { subscriptionId: string; resourceGroup: string; clusterId: string },
  serverName: string,
): Promise<void> {
  const { publisher } = loadIdentities(foldersOf(stateFolder).secrets);
  const tlsOptions = { ca: readFileSync(azure.caFile, 'utf8') };
  const credential = new ClientSecretCredential(publisher.tenantId, publisher.clientId, publisher.clientSecret, {
    authorityHost: azure.authority,
    disableInstanceDiscovery: true,
    tlsOptions,
  });
  const { endpoint } = azure;
  const compute = new ComputeManagementClient(credential, subscriptionId, {
    endpoint,
    credentials: { scopes: [`${endpoint}/.default`] },
    tlsOptions,
  });
  const instanceId = /-server-(\d+)$/.exec(serverName)?.[1];
  if (instanceId === undefined) throw new Error(`${serverName} is no server's name`);
  await compute.virtualMachineScaleSetVMs.delete(resourceGroup, clusterNames(clusterId).scaleSet, instanceId).submitted();
}
