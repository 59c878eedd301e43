/** Network interfaces of instances: read-only children that the network service shows under the scale set. Nothing is stored. */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../arm/json';
import { parentIdOf, parseResourceId, sameId, type ResourceId } from '../arm/resource-id';
import type { ResourceType } from '../arm/resource-type';
import type { StoredResource } from '../arm/resource';
import { macAddressOf } from '../machine';
import type { Instances } from './instances';
import { instanceOf, profileOf } from './instance.model';
import type { NetworkInterfaceConfiguration } from './scale-set.model';

const API_VERSIONS = ['2026-01-01', '2024-05-01', '2023-09-01', '2018-10-01'];

export const networkInterfaceId = (instance: StoredResource, card: string): string => `${instance.id}/networkInterfaces/${card}`;

/** A guid that stays the same for the same name. */
function stableGuid(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

function addressConfigurations(
  card: NetworkInterfaceConfiguration,
  id: string,
  instance: StoredResource,
  etag: string,
): JsonObject[] {
  const { address } = instanceOf(instance);
  return card.properties.ipConfigurations.map(({ name, properties }) => ({
    name,
    id: `${id}/ipConfigurations/${name}`,
    etag,
    properties: {
      provisioningState: 'Succeeded',
      ...(address === undefined ? {} : { privateIPAddress: address }),
      privateIPAllocationMethod: 'Dynamic',
      privateIPAddressVersion: 'IPv4',
      subnet: { id: properties.subnet.id },
      primary: true,
      loadBalancerBackendAddressPools: properties.loadBalancerBackendAddressPools.map((pool) => ({ id: pool.id })),
    },
  }));
}

function toInterface(card: NetworkInterfaceConfiguration, instance: StoredResource): StoredResource {
  const id = networkInterfaceId(instance, card.name);
  const { address } = instanceOf(instance);
  const etag = `W/"${stableGuid(`${id}/${address ?? ''}`)}"`;
  return {
    id,
    name: card.name,
    type: 'Microsoft.Compute/virtualMachineScaleSets/virtualMachines/networkInterfaces',
    etag,
    systemData: instance.systemData,
    hidden: {},
    properties: {
      provisioningState: 'Succeeded',
      resourceGuid: stableGuid(id),
      ipConfigurations: addressConfigurations(card, id, instance, etag),
      dnsSettings: { dnsServers: [], appliedDnsServers: [] },
      ...(address === undefined ? {} : { macAddress: macAddressOf(address) }),
      enableAcceleratedNetworking: false,
      enableIPForwarding: false,
      ...(card.properties.networkSecurityGroup ? { networkSecurityGroup: { id: card.properties.networkSecurityGroup.id } } : {}),
      primary: true,
      virtualMachine: { id: instance.id },
    },
  };
}

const shown = ({ id, name, etag, properties }: StoredResource): JsonObject => ({ id, name, etag, properties });

/** Configurations of a card as resources of their own. */
const configurationsOf = (card: StoredResource): StoredResource[] =>
  (card.properties['ipConfigurations'] as { id: string; name: string; properties: JsonObject }[]).map(
    ({ id, name, properties }) => ({
      ...card,
      id,
      name,
      type: `${card.type}/ipConfigurations`,
      properties,
    }),
  );

/** The three read-only types: all of a scale set, all of an instance, the address configurations of one. */
export function networkInterfaceTypes(instances: Instances): ResourceType[] {
  const ofInstance = async (instance: StoredResource): Promise<StoredResource[]> => {
    const set = await instances.setOf(instance);
    if (!set) return [];
    return profileOf(instance, set).networkProfile.networkInterfaceConfigurations.map((card) => toInterface(card, instance));
  };
  const ofInstanceId = async (instanceId: string): Promise<StoredResource[]> => {
    const setId = parentIdOf(parseResourceId(instanceId)) ?? '';
    const instance = instances.listOf(setId).find((row) => sameId(row.id, instanceId));
    return instance ? ofInstance(instance) : [];
  };
  const ofSet = async (setId: string): Promise<StoredResource[]> =>
    (await Promise.all(instances.listOf(setId).map(ofInstance))).flat();
  const configurations = async (cardId: string): Promise<StoredResource[]> => {
    const cards = await ofInstanceId(parentIdOf(parseResourceId(cardId)) ?? '');
    return cards.filter((card) => sameId(card.id, cardId)).flatMap(configurationsOf);
  };
  const type = (name: string, list: (parentId: string) => Promise<StoredResource[]>): ResourceType => ({
    namespace: 'Microsoft.Compute',
    type: name,
    apiVersions: API_VERSIONS,
    methods: ['GET'],
    present: shown,
    source: {
      list,
      find: async (id: ResourceId) => (await list(parentIdOf(id) ?? '')).find((row) => sameId(row.id, id.id)),
    },
  });
  return [
    type('virtualMachineScaleSets/networkInterfaces', ofSet),
    type('virtualMachineScaleSets/virtualMachines/networkInterfaces', ofInstanceId),
    type('virtualMachineScaleSets/virtualMachines/networkInterfaces/ipConfigurations', configurations),
  ];
}
