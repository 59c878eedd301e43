import { balancerProperties, idOf, securityRules, subnet, type TemplateResource } from './cluster-network';
import { scaleSetProperties } from './cluster-servers';
import { snapshotStorage } from './cluster-storage';
import { clusterNames, clusterTags, RESOURCE_TYPES, SUBNET_NAME, type ClusterNames } from './names';
import { API_VERSIONS } from './resources';

/** What a cluster's infrastructure is made from. Nothing in it is secret. */
export interface ClusterDescription {
  id: string;
  installationId: string;
  region: string;
  /** Whether the region has availability zones. */
  availabilityZones: boolean;
  networkCidr: string;
  servers: number;
  vmSize: string;
  publicEndpoint: boolean;
  tags: Readonly<Record<string, string>>;
  sshPublicKey: string;
  /** Object id of the service itself, which makes links to snapshots and removes them. */
  servicePrincipalId: string;
  /** Whether the customer's tenant is another than the service's. */
  acrossTenants: boolean;
}

/** An ARM template as data. */
export interface ClusterTemplate {
  $schema: string;
  contentVersion: string;
  parameters: Record<string, { type: string }>;
  resources: TemplateResource[];
}

interface Making {
  cluster: ClusterDescription;
  names: ClusterNames;
  tags: Record<string, string>;
  zones: { zones?: string[] };
}

type Details = Omit<TemplateResource, 'type' | 'apiVersion' | 'name' | 'location' | 'tags'>;

const resource = ({ cluster, tags }: Making, type: string, name: string, details: Details): TemplateResource => ({
  type,
  apiVersion: API_VERSIONS[type] ?? '',
  name,
  location: cluster.region,
  tags,
  ...details,
});

const identity = (making: Making) => resource(making, RESOURCE_TYPES.identity, making.names.identity, {});

const securityGroup = (making: Making) =>
  resource(making, RESOURCE_TYPES.securityGroup, making.names.securityGroup, {
    properties: { securityRules: securityRules(making.cluster.publicEndpoint) },
  });

const publicAddress = (making: Making, name: string) =>
  resource(making, RESOURCE_TYPES.publicAddress, name, {
    sku: { name: 'Standard' },
    ...making.zones,
    properties: { publicIPAllocationMethod: 'Static', publicIPAddressVersion: 'IPv4' },
  });

const natGateway = (making: Making) => {
  const address = idOf(RESOURCE_TYPES.publicAddress, making.names.natAddress);
  return resource(making, RESOURCE_TYPES.natGateway, making.names.natGateway, {
    dependsOn: [address],
    sku: { name: 'Standard' },
    properties: { idleTimeoutInMinutes: 10, publicIpAddresses: [{ id: address }] },
  });
};

const virtualNetwork = (making: Making) =>
  resource(making, RESOURCE_TYPES.virtualNetwork, making.names.virtualNetwork, {
    dependsOn: [
      idOf(RESOURCE_TYPES.securityGroup, making.names.securityGroup),
      idOf(RESOURCE_TYPES.natGateway, making.names.natGateway),
    ],
    properties: {
      addressSpace: { addressPrefixes: [making.cluster.networkCidr] },
      subnets: [subnet(making.names, making.cluster.networkCidr)],
    },
  });

const internalBalancer = (making: Making) => {
  const { names, zones } = making;
  const network = idOf(RESOURCE_TYPES.virtualNetwork, names.virtualNetwork);
  const frontend = {
    privateIPAllocationMethod: 'Dynamic',
    subnet: { id: idOf(`${RESOURCE_TYPES.virtualNetwork}/subnets`, names.virtualNetwork, SUBNET_NAME) },
  };
  return resource(making, RESOURCE_TYPES.loadBalancer, names.loadBalancer, {
    dependsOn: [network],
    sku: { name: 'Standard' },
    properties: balancerProperties(names.loadBalancer, frontend, zones),
  });
};

/** A load balancer is internal or public, never both: the public endpoint has its own. */
const publicBalancer = (making: Making) => {
  const { names } = making;
  const address = idOf(RESOURCE_TYPES.publicAddress, names.publicAddress);
  return resource(making, RESOURCE_TYPES.loadBalancer, names.publicLoadBalancer, {
    dependsOn: [address],
    sku: { name: 'Standard' },
    properties: balancerProperties(names.publicLoadBalancer, { publicIPAddress: { id: address } }, {}),
  });
};

const scaleSet = (making: Making) => {
  const { names, cluster } = making;
  const identityId = idOf(RESOURCE_TYPES.identity, names.identity);
  const publicDependency = cluster.publicEndpoint ? [idOf(RESOURCE_TYPES.loadBalancer, names.publicLoadBalancer)] : [];
  return resource(making, RESOURCE_TYPES.scaleSet, names.scaleSet, {
    dependsOn: [
      identityId,
      idOf(RESOURCE_TYPES.virtualNetwork, names.virtualNetwork),
      idOf(RESOURCE_TYPES.loadBalancer, names.loadBalancer),
      ...publicDependency,
    ],
    sku: { name: cluster.vmSize, tier: 'Standard', capacity: cluster.servers },
    ...making.zones,
    identity: { type: 'UserAssigned', userAssignedIdentities: { [identityId]: {} } },
    properties: scaleSetProperties({ names, publicEndpoint: cluster.publicEndpoint, sshPublicKey: cluster.sshPublicKey }),
  });
};

/**
 * Everything that Azure makes for a cluster, as one template. `customData`, the machines' cloud-config, is a secure
 * parameter, so that Azure keeps it out of the deployment's history.
 */
export function clusterTemplate(cluster: ClusterDescription): ClusterTemplate {
  const making: Making = {
    cluster,
    names: clusterNames(cluster.id),
    tags: clusterTags(cluster, cluster.tags),
    zones: cluster.availabilityZones ? { zones: ['1', '2', '3'] } : {},
  };
  const { names } = making;
  return {
    $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
    contentVersion: '1.0.0.0',
    parameters: { customData: { type: 'securestring' } },
    resources: [
      identity(making),
      securityGroup(making),
      publicAddress(making, names.natAddress),
      natGateway(making),
      virtualNetwork(making),
      internalBalancer(making),
      ...(cluster.publicEndpoint ? [publicAddress(making, names.publicAddress), publicBalancer(making)] : []),
      ...snapshotStorage({ ...cluster, names, tags: making.tags }),
      scaleSet(making),
    ],
  };
}
