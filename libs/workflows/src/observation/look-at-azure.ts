import {
  clusterNames,
  clusterTemplate,
  findDrift,
  isCompared,
  RESOURCE_TYPES,
  resourceId,
  type TemplateResource,
} from '@managed-consul/azure';
import type { Finding } from '@managed-consul/clusters';
import type { Services } from '../services';
import { describeCluster } from '../shared-steps/cluster-description';
import { placeOf } from '../shared-steps/place';

type LookingAtAzure = Pick<Services, 'azure' | 'cluster' | 'database'>;

/** What the customer reads in place of Azure's words for a type. */
const KIND: Readonly<Record<string, string>> = {
  [RESOURCE_TYPES.identity]: 'identity of the servers',
  [RESOURCE_TYPES.securityGroup]: 'network security group',
  [RESOURCE_TYPES.virtualNetwork]: 'virtual network',
  [RESOURCE_TYPES.publicAddress]: 'public address',
  [RESOURCE_TYPES.natGateway]: 'NAT gateway',
  [RESOURCE_TYPES.loadBalancer]: 'load balancer',
  [RESOURCE_TYPES.scaleSet]: 'scale set of the servers',
  [RESOURCE_TYPES.storageAccount]: 'storage account of the snapshots',
};

/** The part of the cluster's template in which drift is looked for. The key of the machines plays no role in it. */
export async function comparedResources(looking: LookingAtAzure): Promise<TemplateResource[]> {
  return clusterTemplate(await describeCluster(looking, '')).resources.filter(isCompared);
}

async function lookAtResource({ azure, cluster }: LookingAtAzure, wanted: TemplateResource): Promise<Finding[]> {
  const { subscription, ...place } = placeOf({ azure, cluster });
  const actual = await subscription.resources.read(resourceId(place, wanted.type, wanted.name), wanted.type);
  const what = `The ${KIND[wanted.type] ?? wanted.type} ${wanted.name}`;
  // Without it there are no machines, and no deployment brings back what was on their disks.
  const reason = wanted.type === RESOURCE_TYPES.scaleSet ? 'MachineGone' : 'ResourceMissing';
  if (!actual) return [{ reason, about: wanted.name, message: `${what} is missing in Azure.` }];
  const difference = findDrift(wanted, actual, place);
  const message = `${what} was altered in Azure (${difference}).`;
  return difference === undefined ? [] : [{ reason: 'ResourceAltered', about: wanted.name, message }];
}

/** Machines of servers that Azure does not have any more, and machines that belong to no server. */
async function lookAtMachines({ azure, cluster }: LookingAtAzure): Promise<Finding[]> {
  const { subscription, resourceGroup } = placeOf({ azure, cluster });
  const machines = await subscription.scaleSets.listInstances(resourceGroup, clusterNames(cluster.id).scaleSet);
  const present = new Set(machines.map(({ vmId }) => vmId));
  const known = new Set(cluster.serverRecords.map(({ vmId }) => vmId));
  const gone = cluster.serverRecords
    .filter(({ vmId }) => !present.has(vmId))
    .map(({ name }) => ({ reason: 'MachineGone', about: name, message: `The machine of ${name} is gone in Azure.` }) as const);
  const strange = machines
    .filter(({ vmId }) => vmId !== '' && !known.has(vmId))
    .map(({ azureName }) => {
      const message = `The scale set has a machine ${azureName} that belongs to no server.`;
      return { reason: 'MachineUnknown', about: azureName, message } as const;
    });
  return [...gone, ...strange];
}

/** What differs in Azure from what the service has made. Throws what Azure throws: then nothing is known. */
export async function lookAtAzure(looking: LookingAtAzure): Promise<Finding[]> {
  const resources = await comparedResources(looking);
  const found = await Promise.all([lookAtMachines(looking), ...resources.map((resource) => lookAtResource(looking, resource))]);
  return found.flat();
}
