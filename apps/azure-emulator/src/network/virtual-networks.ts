import { z } from 'zod';
import { ArmError } from '../arm/arm-error';
import type { JsonObject } from '../arm/json';
import type { ResourceAccess } from '../arm/resource-provider';
import type { StoredResource } from '../arm/resource';
import type { ResourceType, ResourceWrite } from '../arm/resource-type';
import { partsInParent, partsOf } from './body-parts';
import { containsRange, formatRange, parseRange, rangesOverlap, type AddressRange } from './cidr';
import {
  checkNetworkName,
  checkUniqueNames,
  namedPart,
  readProperties,
  reference,
  resourceGuid,
  showResource,
  storedPart,
} from './network-body';
import type { NetworkReferences } from './references';
import { showPart } from './security-groups';
import { API_VERSIONS, NAMESPACE } from './versions';

const TYPE = `${NAMESPACE}/virtualNetworks`;
const SUBNET_TYPE = `${TYPE}/subnets`;

const subnetProperties = z.looseObject({
  addressPrefix: z.string().optional(),
  addressPrefixes: z.array(z.string()).length(1).optional(),
  networkSecurityGroup: reference.nullish(),
  natGateway: reference.nullish(),
});
const subnet = namedPart(subnetProperties);
type Subnet = z.output<typeof subnet>;

const properties = z.looseObject({
  addressSpace: z.looseObject({ addressPrefixes: z.array(z.string()).min(1) }),
  subnets: z.array(subnet).default([]),
});

/** Azure's bounds on the prefix length of a network and of a subnet. */
const NETWORK_PREFIX = { least: 2, most: 29 };
const SUBNET_PREFIX_MOST = 29;

function readRange(prefix: string, owner: string): AddressRange {
  const range = parseRange(prefix);
  if (!range)
    throw new ArmError(
      400,
      'InvalidAddressPrefixFormat',
      `Address prefix ${prefix} of resource ${owner} is not formatted correctly. It should follow CIDR notation, for example 10.0.0.0/24.`,
    );
  if (formatRange(range) !== prefix) {
    throw new ArmError(
      400,
      'InvalidCIDRNotation',
      `The address prefix ${prefix} in resource ${owner} has an invalid CIDR notation. For the given prefix length, the address prefix should be ${formatRange(range)}.`,
    );
  }
  return range;
}

const prefixOf = ({ properties: { addressPrefix, addressPrefixes } }: Pick<Subnet, 'properties'>): string =>
  addressPrefix ?? addressPrefixes?.[0] ?? '';

class VirtualNetworks {
  constructor(
    private readonly resources: ResourceAccess,
    private readonly references: NetworkReferences,
  ) {}

  /** Checks address ranges, references and that nothing in use goes away. */
  async check(networkId: string, prefixes: readonly string[], subnets: readonly Subnet[]): Promise<void> {
    const space = prefixes.map((prefix) => readRange(prefix, networkId));
    this.checkSpace(networkId, space);
    checkUniqueNames(networkId, subnets);
    const placed: { name: string; range: AddressRange }[] = [];
    for (const one of subnets) {
      checkNetworkName(one.name);
      const range = this.checkSubnet(networkId, space, one);
      const other = placed.find((before) => rangesOverlap(before.range, range));
      if (other)
        throw new ArmError(
          400,
          'NetcfgSubnetRangesOverlap',
          `Subnet '${one.name}' is not valid because its IP address range overlaps with that of an existing subnet in virtual network '${networkId.split('/').at(-1)}': '${other.name}'.`,
        );
      placed.push({ name: one.name, range });
      await this.checkReferences(`${networkId}/subnets/${one.name}`, one);
    }
  }

  /** Throws `InUseSubnetCannotBeDeleted` (400). */
  refuseSubnetInUse(subnetId: string): void {
    const users = this.references.usersOf(subnetId, networkOf(subnetId));
    if (users.length === 0) return;
    throw new ArmError(
      400,
      'InUseSubnetCannotBeDeleted',
      `Subnet ${subnetId.split('/').at(-1)} is in use by ${users.join(', ')} and cannot be deleted. In order to delete the subnet, delete all the ` +
        'resources within the subnet.',
    );
  }

  /** A PUT that leaves a subnet out deletes it; one that moves its range would strand what is inside. */
  refuseLosses(existing: StoredResource | undefined, wanted: readonly Subnet[]): void {
    for (const before of partsOf(existing, 'subnets') as unknown as Subnet[]) {
      const id = String(before.id);
      const after = wanted.find(({ name }) => name.toLowerCase() === before.name.toLowerCase());
      if (!after) this.refuseSubnetInUse(id);
      else if (prefixOf(after) !== prefixOf(before) && this.references.usersOf(id, networkOf(id)).length > 0) {
        throw new ArmError(
          400,
          'InUsePrefixCannotBeDeleted',
          `IP address prefix ${prefixOf(before)} of subnet ${id} is in use and cannot be changed.`,
        );
      }
    }
  }

  stored(networkId: string, one: Subnet): JsonObject {
    const { networkSecurityGroup, natGateway, ...rest } = one.properties;
    return storedPart(networkId, 'subnets', SUBNET_TYPE, one.name, {
      privateEndpointNetworkPolicies: 'Disabled',
      privateLinkServiceNetworkPolicies: 'Enabled',
      ...rest,
      ...(networkSecurityGroup ? { networkSecurityGroup: { id: networkSecurityGroup.id } } : {}),
      ...(natGateway ? { natGateway: { id: natGateway.id } } : {}),
    });
  }

  /** A subnet's properties with what is inside it. */
  shown(part: JsonObject): JsonObject {
    const id = String(part['id']);
    const frontends = this.references.partsReferringTo(id, `${NAMESPACE}/loadBalancers`, 'frontendIPConfigurations');
    const ipConfigurations = frontends.map((frontend) => ({ id: frontend }));
    if (ipConfigurations.length === 0) return part;
    return { ...part, properties: { ...(part['properties'] as JsonObject), ipConfigurations } };
  }

  async networkOfSubnet(subnetId: string): Promise<StoredResource> {
    const network = await this.resources.get(networkOf(subnetId));
    if (network) return network;
    throw new ArmError(404, 'ParentResourceNotFound', `The parent resource '${networkOf(subnetId)}' could not be found.`);
  }

  private checkSpace(networkId: string, space: readonly AddressRange[]): void {
    for (const [index, range] of space.entries()) {
      if (range.prefixLength < NETWORK_PREFIX.least || range.prefixLength > NETWORK_PREFIX.most) {
        throw new ArmError(
          400,
          'InvalidAddressPrefix',
          `Address prefix ${formatRange(range)} of virtual network ${networkId} must have a length from ${NETWORK_PREFIX.least} to ${NETWORK_PREFIX.most}.`,
        );
      }
      if (space.slice(0, index).some((other) => rangesOverlap(other, range))) {
        throw new ArmError(
          400,
          'OverlappingAddressPrefixes',
          `Address prefixes of virtual network ${networkId} overlap: ${formatRange(range)}.`,
        );
      }
    }
  }

  private checkSubnet(networkId: string, space: readonly AddressRange[], one: Subnet): AddressRange {
    const range = readRange(prefixOf(one), `${networkId}/subnets/${one.name}`);
    const inside = space.some((outer) => containsRange(outer, range));
    if (inside && range.prefixLength <= SUBNET_PREFIX_MOST) return range;
    throw new ArmError(
      400,
      'NetcfgInvalidSubnet',
      `Subnet '${one.name}' is not valid in virtual network '${networkId.split('/').at(-1)}'.`,
    );
  }

  private async checkReferences(subnetId: string, one: Subnet): Promise<void> {
    const { networkSecurityGroup, natGateway } = one.properties;
    if (networkSecurityGroup)
      await this.references.require(subnetId, networkSecurityGroup.id, `${NAMESPACE}/networkSecurityGroups`);
    if (natGateway) await this.references.require(subnetId, natGateway.id, `${NAMESPACE}/natGateways`);
  }
}

const networkOf = (subnetId: string): string => subnetId.split('/').slice(0, -2).join('/');

/** `virtualNetworks` and their subnets. */
export function virtualNetworkTypes(resources: ResourceAccess, references: NetworkReferences): ResourceType[] {
  const networks = new VirtualNetworks(resources, references);
  const network: ResourceType = {
    namespace: NAMESPACE,
    type: 'virtualNetworks',
    apiVersions: API_VERSIONS,
    longRunning: true,
    async validate({ id, body, existing }: ResourceWrite) {
      checkNetworkName(id.name);
      const { addressSpace, subnets } = readProperties(properties, body.properties);
      await networks.check(existing?.id ?? id.id, addressSpace.addressPrefixes, subnets);
      networks.refuseLosses(existing, subnets);
    },
    draft({ id, body, existing }: ResourceWrite) {
      const { addressSpace, subnets } = readProperties(properties, body.properties);
      const networkId = existing?.id ?? id.id;
      return {
        properties: {
          ...body.properties,
          addressSpace: { addressPrefixes: addressSpace.addressPrefixes },
          subnets: subnets.map((one) => networks.stored(networkId, one)),
          virtualNetworkPeerings: [],
          enableDdosProtection: false,
          resourceGuid: resourceGuid(existing),
        },
      };
    },
    beforeDelete(resource: StoredResource) {
      for (const one of partsOf(resource, 'subnets')) networks.refuseSubnetInUse(String(one['id']));
    },
    present: (resource: StoredResource) =>
      showResource(resource, { subnets: partsOf(resource, 'subnets').map((one) => networks.shown(one)) }),
  };
  return [network, subnetType(resources, networks)];
}

function subnetType(resources: ResourceAccess, networks: VirtualNetworks): ResourceType {
  return {
    namespace: NAMESPACE,
    type: 'virtualNetworks/subnets',
    apiVersions: API_VERSIONS,
    methods: ['GET', 'PUT', 'DELETE'],
    source: partsInParent(resources, SUBNET_TYPE, 'subnets'),
    async validate({ id, body }: ResourceWrite) {
      const one = { name: id.name, properties: readProperties(subnetProperties, body.properties) };
      const network = await networks.networkOfSubnet(id.id);
      const known = readProperties(properties, network.properties);
      const others = known.subnets.filter(({ name }) => name.toLowerCase() !== id.name.toLowerCase());
      await networks.check(network.id, known.addressSpace.addressPrefixes, [...others, one]);
      networks.refuseLosses(network, [...others, one]);
    },
    draft({ id, body }: ResourceWrite) {
      const one = { name: id.name, properties: readProperties(subnetProperties, body.properties) };
      return { properties: networks.stored(networkOf(id.id), one)['properties'] as JsonObject };
    },
    beforeDelete: ({ id }: StoredResource) => networks.refuseSubnetInUse(id),
    present: (resource: StoredResource) => networks.shown(showPart(resource)),
  };
}
