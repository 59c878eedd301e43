import type { Platform, ResourceProvider } from '../arm/resource-provider';
import { loadBalancerTypes } from './load-balancers';
import { natGatewayType } from './nat-gateways';
import { publicAddressType } from './public-addresses';
import { NetworkReferences } from './references';
import { securityGroupTypes } from './security-groups';
import { NAMESPACE } from './versions';
import { virtualNetworkTypes } from './virtual-networks';

/** `Microsoft.Network`: records of networks with Azure's rules about them. No packet is routed. */
export const networkProvider = ({ resources }: Pick<Platform, 'resources'>): ResourceProvider => {
  const references = new NetworkReferences(resources);
  return {
    namespace: NAMESPACE,
    types: [
      ...virtualNetworkTypes(resources, references),
      ...securityGroupTypes(resources, references),
      publicAddressType(resources, references),
      natGatewayType(references),
      ...loadBalancerTypes(resources, references),
    ],
  };
};
