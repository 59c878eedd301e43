import { z } from 'zod';
import { ArmError } from '../arm/arm-error';
import type { JsonObject } from '../arm/json';
import type { ResourceAccess } from '../arm/resource-provider';
import type { StoredResource } from '../arm/resource';
import type { ResourceType, ResourceWrite } from '../arm/resource-type';
import { partsInParent, partsOf } from './body-parts';
import { checkNetworkName, checkUniqueNames, readProperties, resourceGuid, showResource, storedPart } from './network-body';
import type { NetworkReferences } from './references';
import { checkSecurityRules, securityRule, securityRuleProperties, type SecurityRule } from './security-rules';
import { API_VERSIONS, NAMESPACE } from './versions';

const TYPE = `${NAMESPACE}/networkSecurityGroups`;
const RULE_TYPE = `${TYPE}/securityRules`;
const LIST = 'securityRules';

const properties = z.looseObject({ [LIST]: z.array(securityRule).default([]) });

interface DefaultRule {
  name: string;
  priority: number;
  direction: string;
  access: string;
  from: string;
  to: string;
}

/** The rules that every group has, below all others (Azure documentation, "Default security rules"). */
const DEFAULT_RULES: readonly DefaultRule[] = [
  {
    name: 'AllowVnetInBound',
    priority: 65000,
    direction: 'Inbound',
    access: 'Allow',
    from: 'VirtualNetwork',
    to: 'VirtualNetwork',
  },
  {
    name: 'AllowAzureLoadBalancerInBound',
    priority: 65001,
    direction: 'Inbound',
    access: 'Allow',
    from: 'AzureLoadBalancer',
    to: '*',
  },
  { name: 'DenyAllInBound', priority: 65500, direction: 'Inbound', access: 'Deny', from: '*', to: '*' },
  {
    name: 'AllowVnetOutBound',
    priority: 65000,
    direction: 'Outbound',
    access: 'Allow',
    from: 'VirtualNetwork',
    to: 'VirtualNetwork',
  },
  { name: 'AllowInternetOutBound', priority: 65001, direction: 'Outbound', access: 'Allow', from: '*', to: 'Internet' },
  { name: 'DenyAllOutBound', priority: 65500, direction: 'Outbound', access: 'Deny', from: '*', to: '*' },
];

const defaultRules = (groupId: string): JsonObject[] =>
  DEFAULT_RULES.map(({ name, priority, direction, access, from, to }) => ({
    id: `${groupId}/defaultSecurityRules/${name}`,
    name,
    type: `${TYPE}/defaultSecurityRules`,
    properties: {
      priority,
      direction,
      access,
      protocol: '*',
      sourceAddressPrefix: from,
      sourcePortRange: '*',
      destinationAddressPrefix: to,
      destinationPortRange: '*',
      provisioningState: 'Succeeded',
    },
  }));

/** `networkSecurityGroups` and their rules. */
export function securityGroupTypes(resources: ResourceAccess, references: NetworkReferences): ResourceType[] {
  const group: ResourceType = {
    namespace: NAMESPACE,
    type: 'networkSecurityGroups',
    apiVersions: API_VERSIONS,
    longRunning: true,
    validate({ id, body }: ResourceWrite) {
      checkNetworkName(id.name);
      const rules = readProperties(properties, body.properties)[LIST];
      checkUniqueNames(id.id, rules);
      checkSecurityRules(rules);
    },
    draft({ id, body, existing }: ResourceWrite) {
      const rules = readProperties(properties, body.properties)[LIST];
      const groupId = existing?.id ?? id.id;
      return {
        properties: {
          [LIST]: rules.map((rule) => storedPart(groupId, LIST, RULE_TYPE, rule.name, rule.properties)),
          resourceGuid: resourceGuid(existing),
        },
      };
    },
    beforeDelete({ id }: StoredResource) {
      const users = references.usersOf(id);
      if (users.length === 0) return;
      throw new ArmError(
        400,
        'InUseNetworkSecurityGroupCannotBeDeleted',
        `Network security group ${id} cannot be deleted because it is in use by the following resources: ${users.join(', ')}. In order to delete ` +
          'the Network security group, remove the association with the resource(s).',
      );
    },
    present(resource: StoredResource) {
      const subnets = references.partsReferringTo(resource.id, `${NAMESPACE}/virtualNetworks`, 'subnets').map((id) => ({ id }));
      return showResource(resource, {
        defaultSecurityRules: defaultRules(resource.id),
        ...(subnets.length === 0 ? {} : { subnets }),
      });
    },
  };
  return [group, securityRules(resources)];
}

function securityRules(resources: ResourceAccess): ResourceType {
  return {
    namespace: NAMESPACE,
    type: 'networkSecurityGroups/securityRules',
    apiVersions: API_VERSIONS,
    methods: ['GET', 'PUT', 'DELETE'],
    source: partsInParent(resources, RULE_TYPE, LIST),
    async validate({ id, body }: ResourceWrite) {
      checkNetworkName(id.name);
      const rule = { name: id.name, properties: readProperties(securityRuleProperties, body.properties) };
      const group = await resources.get(id.id.split('/').slice(0, -2).join('/'));
      const others = partsOf(group, LIST) as unknown as SecurityRule[];
      checkSecurityRules([...others.filter(({ name }) => name.toLowerCase() !== id.name.toLowerCase()), rule]);
    },
    draft: ({ body }: ResourceWrite) => ({ properties: readProperties(securityRuleProperties, body.properties) }),
    present: (resource: StoredResource) => showPart(resource),
  };
}

/** A child as GET shows it. */
export const showPart = ({ id, name, type, etag, properties }: StoredResource): JsonObject => ({
  id,
  name,
  type,
  etag: `W/${etag}`,
  properties,
});
