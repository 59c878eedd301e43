import { clusterNames } from '@managed-consul/azure';
import { publishersAzure } from './publishers-azure';
import type { ServiceStatus } from './service-status';

/** Deletes the machine of a server behind the service's back, disks and all; done when Azure has agreed. */
export async function loseMachine(
  status: ServiceStatus,
  { subscriptionId, resourceGroup, clusterId }: { subscriptionId: string; resourceGroup: string; clusterId: string },
  serverName: string,
): Promise<void> {
  const { compute } = publishersAzure(status, subscriptionId);
  const instanceId = /-server-(\d+)$/.exec(serverName)?.[1];
  if (instanceId === undefined) throw new Error(`${serverName} is no server's name`);
  await compute.virtualMachineScaleSetVMs.delete(resourceGroup, clusterNames(clusterId).scaleSet, instanceId).submitted();
}
