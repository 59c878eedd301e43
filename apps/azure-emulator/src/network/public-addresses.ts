import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ArmError } from '../arm/arm-error';
import { textOf, type JsonObject } from '../arm/json';
import { idKey } from '../arm/resource-id';
import type { ResourceAccess } from '../arm/resource-provider';
import type { StoredResource } from '../arm/resource';
import type { ResourceType, ResourceWrite } from '../arm/resource-type';
import { checkNetworkName, readProperties, resourceGuid, showResource } from './network-body';
import type { NetworkReferences } from './references';
import { API_VERSIONS, NAMESPACE } from './versions';

const TYPE = `${NAMESPACE}/publicIPAddresses`;

/** Ranges that are nobody's: for documentation (RFC 5737), so that no address here can be somebody's by accident. */
const TEST_NETWORKS = ['203.0.113', '198.51.100', '192.0.2'];
const HOSTS = 254;

const properties = z.looseObject({
  publicIPAllocationMethod: z.enum(['Static', 'Dynamic']).default('Dynamic'),
  publicIPAddressVersion: z.literal('IPv4', { error: 'only IPv4 addresses can be had here' }).default('IPv4'),
  idleTimeoutInMinutes: z.number().int().min(4).max(30).default(4),
  dnsSettings: z.looseObject({ domainNameLabel: z.string().regex(/^[a-z][a-z0-9-]{1,61}[a-z0-9]$/) }).optional(),
});

/** The address for an id: always the same one unless another resource has it, then the next that is free. */
function chooseAddress(id: string, taken: ReadonlySet<string>): string {
  const places = TEST_NETWORKS.length * HOSTS;
  const start = createHash('sha256').update(idKey(id)).digest().readUInt32BE(0) % places;
  for (let step = 0; step < places; step += 1) {
    const place = (start + step) % places;
    const address = `${TEST_NETWORKS[Math.floor(place / HOSTS)]}.${(place % HOSTS) + 1}`;
    if (!taken.has(address)) return address;
  }
  throw new ArmError(400, 'PublicIPCountLimitReached', `Cannot create more than ${places} public IP addresses here.`);
}

/** `publicIPAddresses`: addresses come from the ranges reserved for documentation and lead nowhere. */
export function publicAddressType(resources: ResourceAccess, references: NetworkReferences): ResourceType {
  const skuOf = ({ body, existing }: ResourceWrite): string => textOf(body.sku?.['name'] ?? existing?.sku?.['name'], 'Standard');
  return {
    namespace: NAMESPACE,
    type: 'publicIPAddresses',
    apiVersions: API_VERSIONS,
    longRunning: true,
    validate(write: ResourceWrite) {
      checkNetworkName(write.id.name);
      const { publicIPAllocationMethod } = readProperties(properties, write.body.properties);
      const sku = skuOf(write);
      if (sku !== 'Standard' && sku !== 'Basic')
        throw new ArmError(400, 'InvalidRequestFormat', `The SKU '${sku}' of a public IP address is not known.`);
      if (sku === 'Standard' && publicIPAllocationMethod !== 'Static') {
        throw new ArmError(
          400,
          'PublicIPAndLBSkuDoNotMatch',
          `Standard SKU publicIp ${write.id.id} must have AllocationMethod set to Static.`,
        );
      }
    },
    draft(write: ResourceWrite) {
      const { id, body, existing } = write;
      const others = resources.listByType(TYPE, '/').filter((other) => idKey(other.id) !== id.key);
      const taken = new Set(others.map((other) => String(other.properties['ipAddress'])));
      const { dnsSettings, ...read } = readProperties(properties, body.properties);
      const fqdn = dnsSettings && `${dnsSettings.domainNameLabel}.${body.location ?? ''}.cloudapp.azure.com`;
      return {
        properties: {
          ...read,
          ...(dnsSettings ? { dnsSettings: { ...dnsSettings, fqdn } } : {}),
          ipAddress: existing?.properties['ipAddress'] ?? chooseAddress(id.id, taken),
          ipTags: [],
          resourceGuid: resourceGuid(existing),
        },
        envelope: { sku: { name: skuOf(write), tier: 'Regional' } },
      };
    },
    beforeDelete({ id }: StoredResource) {
      const [user] = references.usersOf(id);
      if (user === undefined) return;
      throw new ArmError(
        400,
        'PublicIPAddressCannotBeDeleted',
        `Public IP address ${id} can not be deleted since it is still allocated to resource ${user}. In order to delete the public IP, ` +
          'disassociate/detach the Public IP address from the resource.',
      );
    },
    present: (resource: StoredResource) => showResource(resource, associationOf(resource.id, references)),
  };
}

/** What holds the address: a frontend of a load balancer, or a NAT gateway. */
function associationOf(id: string, references: NetworkReferences): JsonObject {
  const [frontend] = references.partsReferringTo(id, `${NAMESPACE}/loadBalancers`, 'frontendIPConfigurations');
  if (frontend !== undefined) return { ipConfiguration: { id: frontend } };
  const gateway = references.usersOf(id).find((user) => /\/natGateways\//i.test(user));
  return gateway === undefined ? {} : { natGateway: { id: gateway } };
}
