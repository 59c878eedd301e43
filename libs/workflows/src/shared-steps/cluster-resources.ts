import { CLUSTER_TAG, clusterNames, RESOURCE_TYPES, resourceId, type ResourceFacts } from '@managed-consul/azure';
import type { Services } from '../services';
import { placeOf } from './place';

type Looking = Pick<Services, 'azure' | 'cluster'>;

/** Every resource that a cluster's template can make. */
function computedResources({ azure, cluster }: Looking): { id: string; type: string }[] {
  const place = placeOf({ azure, cluster });
  const names = clusterNames(cluster.id);
  const all: [string, string][] = [
    [RESOURCE_TYPES.scaleSet, names.scaleSet],
    [RESOURCE_TYPES.loadBalancer, names.loadBalancer],
    [RESOURCE_TYPES.loadBalancer, names.publicLoadBalancer],
    [RESOURCE_TYPES.virtualNetwork, names.virtualNetwork],
    [RESOURCE_TYPES.storageAccount, names.storageAccount],
    [RESOURCE_TYPES.natGateway, names.natGateway],
    [RESOURCE_TYPES.securityGroup, names.securityGroup],
    [RESOURCE_TYPES.publicAddress, names.natAddress],
    [RESOURCE_TYPES.publicAddress, names.publicAddress],
    [RESOURCE_TYPES.identity, names.identity],
  ];
  return all.map(([type, name]) => ({ type, id: resourceId(place, type, name) }));
}

/**
 * What is left of a cluster in Azure: everything in its resource group that carries its tag. Azure's list lags behind its
 * resources, so an empty list is checked against the computed names; those too count only with the tag.
 */
export async function resourcesOf(looking: Looking): Promise<ResourceFacts[]> {
  const { subscription, resourceGroup } = placeOf(looking);
  const { id } = looking.cluster;
  const listed = await subscription.resources.listByTag(resourceGroup, CLUSTER_TAG, id);
  if (listed.length > 0) return listed;
  const found = await Promise.all(
    computedResources(looking).map((resource) => subscription.resources.find(resource.id, resource.type)),
  );
  return found.filter((resource) => resource !== undefined).filter((resource) => resource.tags[CLUSTER_TAG] === id);
}

const SERVER_TYPES: readonly string[] = [RESOURCE_TYPES.scaleSet];
const BALANCER_TYPES: readonly string[] = [...SERVER_TYPES, RESOURCE_TYPES.loadBalancer];
const NETWORK_TYPES: readonly string[] = [...BALANCER_TYPES, RESOURCE_TYPES.virtualNetwork, RESOURCE_TYPES.storageAccount];
const GATEWAY_TYPES: readonly string[] = [...NETWORK_TYPES, RESOURCE_TYPES.natGateway, RESOURCE_TYPES.securityGroup];

const isOneOf = (types: readonly string[]) => (resource: ResourceFacts) =>
  types.some((type) => type.toLowerCase() === resource.type.toLowerCase());

/** What goes in which order: Azure refuses to remove what something else still uses. Each part is everything up to it. */
export const REMOVAL_ORDER = {
  servers: isOneOf(SERVER_TYPES),
  balancers: isOneOf(BALANCER_TYPES),
  network: isOneOf(NETWORK_TYPES),
  gateways: isOneOf(GATEWAY_TYPES),
  everything: () => true,
} as const;

export type RemovalPart = keyof typeof REMOVAL_ORDER;
