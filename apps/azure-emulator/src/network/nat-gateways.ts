import { z } from 'zod';
import { ArmError } from '../arm/arm-error';
import type { StoredResource } from '../arm/resource';
import type { ResourceType, ResourceWrite } from '../arm/resource-type';
import { checkNetworkName, readProperties, reference, resourceGuid, showResource } from './network-body';
import { requirePublicAddress } from './public-address-use';
import type { NetworkReferences } from './references';
import { API_VERSIONS, NAMESPACE } from './versions';

const properties = z.looseObject({
  idleTimeoutInMinutes: z.number().int().min(4).max(120).default(4),
  publicIpAddresses: z.array(reference).default([]),
});

/** `natGateways`: the way out of a subnet. */
export function natGatewayType(references: NetworkReferences): ResourceType {
  return {
    namespace: NAMESPACE,
    type: 'natGateways',
    apiVersions: API_VERSIONS,
    longRunning: true,
    async validate({ id, body }: ResourceWrite) {
      checkNetworkName(id.name);
      const sku = body.sku?.['name'];
      if (sku !== 'Standard' && sku !== 'StandardV2') {
        throw new ArmError(400, 'NatGatewaySkuNotSpecified', `NAT gateway ${id.id} needs a SKU: Standard or StandardV2.`);
      }
      const { publicIpAddresses } = readProperties(properties, body.properties);
      for (const address of publicIpAddresses) await requirePublicAddress(references, id.id, address.id);
    },
    draft({ body, existing }: ResourceWrite) {
      const read = readProperties(properties, body.properties);
      const publicIpAddresses = read.publicIpAddresses.map(({ id }) => ({ id }));
      return { properties: { ...read, publicIpAddresses, resourceGuid: resourceGuid(existing) } };
    },
    beforeDelete({ id }: StoredResource) {
      const subnets = subnetsOf(id, references);
      if (subnets.length === 0) return;
      throw new ArmError(
        400,
        'InUseNatGatewayCannotBeDeleted',
        `NAT gateway ${id} cannot be deleted because it is in use by the following subnets: ${subnets.join(', ')}.`,
      );
    },
    present(resource: StoredResource) {
      const subnets = subnetsOf(resource.id, references).map((id) => ({ id }));
      return showResource(resource, subnets.length === 0 ? {} : { subnets });
    },
  };
}

const subnetsOf = (id: string, references: NetworkReferences): string[] =>
  references.partsReferringTo(id, `${NAMESPACE}/virtualNetworks`, 'subnets');
