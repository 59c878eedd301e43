/** Tag on every Azure resource of a cluster: the id of the cluster. Delete removes only what carries it. */
export const CLUSTER_TAG = 'managed-consul-cluster';
/** Tag on every Azure resource of a cluster, and on a resource group that was granted directly: the id of the installation. */
export const INSTALLATION_TAG = 'managed-consul-installation';
/** Tag on a storage account that stays for the snapshots in it when its cluster is gone: the id of that cluster. */
export const SNAPSHOTS_TAG = 'managed-consul-snapshots';
/** Tag by which a customer proves that a resource group is theirs to give: the object id (`oid`) of the caller. */
export const OWNER_TAG = 'managed-consul-owner';

/** Name of the cluster's subnet inside its virtual network. */
export const SUBNET_NAME = 'consul';

/** Blob container of a cluster's snapshots in its storage account. */
export const SNAPSHOTS_CONTAINER = 'snapshots';

/** Every Azure name of one cluster. Computed, never stored: a step that runs twice meets its own work. */
export interface ClusterNames {
  readonly deployment: string;
  readonly identity: string;
  readonly virtualNetwork: string;
  readonly securityGroup: string;
  readonly natGateway: string;
  readonly natAddress: string;
  readonly loadBalancer: string;
  readonly publicLoadBalancer: string;
  readonly publicAddress: string;
  readonly scaleSet: string;
  readonly storageAccount: string;
  /** Start of the host names of the machines; Azure adds six characters. */
  readonly computerNamePrefix: string;
}

/** Names from the last group of the cluster's UUID: random in every UUID version that the service makes. */
export function clusterNames(clusterId: string): ClusterNames {
  const tail = /-([0-9a-f]{12})$/i.exec(clusterId)?.[1]?.toLowerCase();
  if (!tail) throw new Error(`A cluster id must be a UUID, got ${clusterId}`);
  const base = `consul-${tail}`;
  return {
    deployment: base,
    identity: `${base}-identity`,
    virtualNetwork: `${base}-vnet`,
    securityGroup: `${base}-nsg`,
    natGateway: `${base}-nat`,
    natAddress: `${base}-nat-ip`,
    loadBalancer: `${base}-lb`,
    publicLoadBalancer: `${base}-public-lb`,
    publicAddress: `${base}-lb-ip`,
    scaleSet: `${base}-servers`,
    // Storage accounts allow 3 to 24 lower-case letters and digits, and share one name space over all of Azure.
    storageAccount: `consul${tail}`,
    computerNamePrefix: base,
  };
}

/** The customer's tags with the service's own on top, so that a customer cannot shadow them. */
export function clusterTags(
  cluster: { id: string; installationId: string },
  customerTags: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return { ...customerTags, [CLUSTER_TAG]: cluster.id, [INSTALLATION_TAG]: cluster.installationId };
}

/** Id of a resource group. Azure compares ids without regard to case. */
export const resourceGroupId = (subscriptionId: string, resourceGroup: string): string =>
  `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`;

/** Id of a top-level resource: `type` is `Namespace/kind`. */
export const resourceId = (place: { subscriptionId: string; resourceGroup: string }, type: string, name: string): string =>
  `${resourceGroupId(place.subscriptionId, place.resourceGroup)}/providers/${type}/${name}`;

/** Types of everything that a cluster's template makes. */
export const RESOURCE_TYPES = {
  identity: 'Microsoft.ManagedIdentity/userAssignedIdentities',
  securityGroup: 'Microsoft.Network/networkSecurityGroups',
  virtualNetwork: 'Microsoft.Network/virtualNetworks',
  publicAddress: 'Microsoft.Network/publicIPAddresses',
  natGateway: 'Microsoft.Network/natGateways',
  loadBalancer: 'Microsoft.Network/loadBalancers',
  scaleSet: 'Microsoft.Compute/virtualMachineScaleSets',
  storageAccount: 'Microsoft.Storage/storageAccounts',
} as const;

/** Types of what belongs to a resource and goes with it. */
export const PART_TYPES = {
  blobContainer: 'Microsoft.Storage/storageAccounts/blobServices/containers',
  roleAssignment: 'Microsoft.Authorization/roleAssignments',
} as const;

/** The parts of an ARM id; undefined when it is not the id of a resource in a resource group. */
export function parseResourceId(
  id: string,
): { subscriptionId: string; resourceGroup: string; type: string; name: string } | undefined {
  const found = /^\/?subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/([^/]+)\/([^/]+)\/([^/]+)$/i.exec(id);
  if (!found) return undefined;
  const [, subscriptionId = '', resourceGroup = '', namespace = '', kind = '', name = ''] = found;
  return { subscriptionId, resourceGroup, type: `${namespace}/${kind}`, name };
}
