import { clusterNames, type InstanceFacts } from '@managed-consul/azure';
import type { ClusterRecord, Step } from '../services';
import { placeOf } from './place';

/** Consul node name: Azure never gives an instance number of a scale set twice. */
export const serverName = (cluster: Pick<ClusterRecord, 'name'>, { instanceId }: Pick<InstanceFacts, 'instanceId'>): string =>
  `${cluster.name.toLowerCase()}-server-${instanceId}`;

type Looking = Pick<Step, 'azure' | 'cluster'>;

/** Where the machines of a cluster are: the arguments that every call about its scale set begins with. */
export function scaleSetOf({ azure, cluster }: Looking) {
  const { subscription, resourceGroup } = placeOf({ azure, cluster });
  return { scaleSets: subscription.scaleSets, resourceGroup, scaleSet: clusterNames(cluster.id).scaleSet };
}

/** The machines that Azure has for the cluster and is not removing, in the order of their numbers. */
export async function machinesOf(looking: Looking): Promise<InstanceFacts[]> {
  const { scaleSets, resourceGroup, scaleSet } = scaleSetOf(looking);
  const instances = await scaleSets.listInstances(resourceGroup, scaleSet);
  return instances.filter(({ provisioningState }) => provisioningState !== 'Deleting');
}

/** Machines on which no member runs: new ones, and what an operation that failed has left. */
export async function machinesOfNoMember(looking: Looking): Promise<InstanceFacts[]> {
  const members = new Set(looking.cluster.serverRecords.map(({ vmId }) => vmId));
  return (await machinesOf(looking)).filter(({ vmId }) => !members.has(vmId));
}
