import { ArmError } from '../arm/arm-error';
import { asJsonObject, textOf, type JsonObject } from '../arm/json';
import { idKey } from '../arm/resource-id';
import type { ResourceAccess } from '../arm/resource-provider';
import type { StoredResource } from '../arm/resource';
import type { ResourceType, ResourceWrite } from '../arm/resource-type';
import { partsInParent, partsOf } from './body-parts';
import { containsRange, formatAddress, parseAddress, parseRange, sizeOf } from './cidr';
import {
  checkLoadBalancer,
  loadBalancerProperties,
  PART_LISTS,
  type LoadBalancerProperties,
  type PartList,
} from './load-balancer-body';
import { checkNetworkName, readProperties, resourceGuid, showResource, storedPart } from './network-body';
import { requirePublicAddress } from './public-address-use';
import type { NetworkReferences } from './references';
import { showPart } from './security-groups';
import { API_VERSIONS, NAMESPACE } from './versions';

const TYPE = `${NAMESPACE}/loadBalancers`;

/** Azure keeps the first four addresses of a subnet and the last one. */
const RESERVED_AT_START = 4;

type Frontend = LoadBalancerProperties['frontendIPConfigurations'][number];

class LoadBalancers {
  constructor(
    private readonly resources: ResourceAccess,
    private readonly references: NetworkReferences,
  ) {}

  async check({ id, body, existing }: ResourceWrite): Promise<void> {
    checkNetworkName(id.name);
    const sku = body.sku?.['name'] ?? 'Standard';
    if (sku !== 'Standard')
      throw new ArmError(
        400,
        'InvalidRequestFormat',
        `The SKU '${textOf(sku)}' of a load balancer is not available: use Standard.`,
      );
    const balancerId = existing?.id ?? id.id;
    const read = readProperties(loadBalancerProperties, body.properties);
    checkLoadBalancer(balancerId, read);
    for (const frontend of read.frontendIPConfigurations) await this.checkFrontend(balancerId, frontend);
  }

  async draft({ id, body, existing }: ResourceWrite): Promise<JsonObject> {
    const balancerId = existing?.id ?? id.id;
    const read = readProperties(loadBalancerProperties, body.properties);
    const lists: JsonObject = {};
    for (const list of PART_LISTS) {
      lists[list] = read[list].map((part) => storedPart(balancerId, list, `${TYPE}/${list}`, part.name, part.properties));
    }
    const frontends: JsonObject[] = [];
    for (const frontend of read.frontendIPConfigurations)
      frontends.push(await this.storedFrontend(balancerId, frontend, existing, frontends));
    return { ...lists, frontendIPConfigurations: frontends, resourceGuid: resourceGuid(existing) };
  }

  /** Throws `LoadBalancerInUseByVirtualMachineScaleSet` (400) while machines are in a pool. */
  refuseInUse(balancer: StoredResource): void {
    for (const pool of partsOf(balancer, 'backendAddressPools')) {
      const [user] = this.references.usersOf(String(pool['id']), balancer.id);
      if (user === undefined) continue;
      throw new ArmError(
        400,
        'LoadBalancerInUseByVirtualMachineScaleSet',
        `Cannot delete load balancer ${balancer.id} since its child resources backendAddressPools are in use by virtual machine scale set ${user}.`,
      );
    }
  }

  /** A pool's or frontend's properties with the rules that use it. */
  shown(balancer: StoredResource, list: PartList, part: JsonObject): JsonObject {
    const wanted = idKey(String(part['id']));
    const uses = (rule: JsonObject): boolean =>
      Object.values(asJsonObject(rule['properties'])).some((member) => idKey(textOf(asJsonObject(member)['id'])) === wanted);
    if (list === 'loadBalancingRules') return part;
    const loadBalancingRules = partsOf(balancer, 'loadBalancingRules')
      .filter(uses)
      .map(({ id }) => ({ id }));
    if (loadBalancingRules.length === 0) return part;
    return { ...part, properties: { ...asJsonObject(part['properties']), loadBalancingRules } };
  }

  private async checkFrontend(balancerId: string, { name, properties }: Frontend): Promise<void> {
    const owner = `${balancerId}/frontendIPConfigurations/${name}`;
    if (properties.publicIPAddress) await requirePublicAddress(this.references, balancerId, properties.publicIPAddress.id);
    if (!properties.subnet) return;
    const subnet = await this.references.require(owner, properties.subnet.id, `${NAMESPACE}/virtualNetworks/subnets`);
    if (properties.privateIPAllocationMethod !== 'Static') return;
    const range = rangeOf(subnet);
    const address = parseAddress(properties.privateIPAddress ?? '');
    const place = properties.privateIPAddress ?? 'none';
    if (address === undefined || !containsRange(range, { base: address, prefixLength: 32 })) {
      throw new ArmError(
        400,
        'PrivateIPAddressNotInSubnet',
        `Private static IP address ${place} does not belong to the range of subnet prefix ${String(subnet.properties['addressPrefix'])}.`,
      );
    }
    if (this.takenIn(subnet.id, balancerId).has(place)) {
      throw new ArmError(
        400,
        'PrivateIPAddressInUse',
        `IP address ${place} of ${owner} is already in use in subnet ${subnet.id}.`,
      );
    }
  }

  private async storedFrontend(
    balancerId: string,
    frontend: Frontend,
    existing: StoredResource | undefined,
    siblings: readonly JsonObject[],
  ): Promise<JsonObject> {
    const { name, zones, properties } = frontend;
    const own: JsonObject = { privateIPAllocationMethod: 'Dynamic', ...properties };
    if (properties.subnet)
      own['privateIPAddress'] =
        properties.privateIPAddress ?? (await this.privateAddress(balancerId, frontend, existing, siblings));
    return {
      ...storedPart(balancerId, 'frontendIPConfigurations', `${TYPE}/frontendIPConfigurations`, name, own),
      ...(zones ? { zones } : {}),
    };
  }

  /** The address the frontend has had, or the first of its subnet that is free. */
  private async privateAddress(
    balancerId: string,
    { name, properties }: Frontend,
    existing: StoredResource | undefined,
    siblings: readonly JsonObject[],
  ): Promise<string> {
    const subnetId = properties.subnet?.id ?? '';
    const before = partsOf(existing, 'frontendIPConfigurations').find((part) => part['name'] === name);
    const known = asJsonObject(before?.['properties']);
    if (idKey(textOf(asJsonObject(known['subnet'])['id'])) === idKey(subnetId)) return String(known['privateIPAddress']);
    const subnet = await this.references.require(balancerId, subnetId, `${NAMESPACE}/virtualNetworks/subnets`);
    const range = rangeOf(subnet);
    const taken = this.takenIn(subnetId, balancerId);
    for (const sibling of siblings) taken.add(String(asJsonObject(sibling['properties'])['privateIPAddress']));
    for (let offset = RESERVED_AT_START; offset < sizeOf(range) - 1; offset += 1) {
      const address = formatAddress(range.base + offset);
      if (!taken.has(address)) return address;
    }
    throw new ArmError(400, 'SubnetIsFull', `Subnet ${subnetId} does not have enough capacity for 1 IP addresses.`);
  }

  /** Private addresses of the frontends of other load balancers in a subnet. */
  private takenIn(subnetId: string, except: string): Set<string> {
    const subscription = subnetId.split('/').slice(0, 3).join('/');
    const others = this.resources.listByType(TYPE, subscription).filter(({ id }) => idKey(id) !== idKey(except));
    const frontends = others
      .flatMap((balancer) => partsOf(balancer, 'frontendIPConfigurations'))
      .map((part) => asJsonObject(part['properties']));
    const inside = frontends.filter(({ subnet }) => idKey(textOf(asJsonObject(subnet)['id'])) === idKey(subnetId));
    return new Set(inside.map(({ privateIPAddress }) => String(privateIPAddress)));
  }
}

function rangeOf(subnet: StoredResource) {
  const [first] = (subnet.properties['addressPrefixes'] as string[] | undefined) ?? [];
  const range = parseRange(textOf(subnet.properties['addressPrefix'], first ?? ''));
  if (range) return range;
  throw new ArmError(400, 'NetcfgInvalidSubnet', `Subnet '${subnet.name}' has no valid address prefix.`);
}

/** `loadBalancers` and, to be read, the parts they are made of. */
export function loadBalancerTypes(resources: ResourceAccess, references: NetworkReferences): ResourceType[] {
  const balancers = new LoadBalancers(resources, references);
  const balancer: ResourceType = {
    namespace: NAMESPACE,
    type: 'loadBalancers',
    apiVersions: API_VERSIONS,
    longRunning: true,
    validate: (write: ResourceWrite) => balancers.check(write),
    draft: async (write: ResourceWrite) => ({
      properties: await balancers.draft(write),
      envelope: { sku: { name: 'Standard', tier: 'Regional' } },
    }),
    beforeDelete: (resource: StoredResource) => balancers.refuseInUse(resource),
    present: (resource: StoredResource) =>
      showResource(
        resource,
        Object.fromEntries(
          PART_LISTS.map((list) => [list, partsOf(resource, list).map((part) => balancers.shown(resource, list, part))]),
        ),
      ),
  };
  const parts = PART_LISTS.map((list): ResourceType => ({
    namespace: NAMESPACE,
    type: `loadBalancers/${list}`,
    apiVersions: API_VERSIONS,
    methods: ['GET'],
    source: partsInParent(resources, `${TYPE}/${list}`, list),
    present: showPart,
  }));
  return [balancer, ...parts];
}
