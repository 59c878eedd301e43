import { describe, expect, it } from 'vitest';
import { clusterTemplate } from './cluster-template';
import type { TemplateResource } from './cluster-network';
import { findDrift, isCompared, type ResourceState } from './drift';
import { RESOURCE_TYPES, resourceId } from './names';

const place = { subscriptionId: '00000000-0000-0000-0000-0000000000aa', resourceGroup: 'group' };
const { resources } = clusterTemplate({
  id: '01939b7a-6d3f-7000-8000-0123456789ab',
  installationId: '01939b7a-6d3f-7000-8000-000000000001',
  region: 'westeurope',
  availabilityZones: true,
  networkCidr: '172.25.16.0/24',
  servers: 3,
  vmSize: 'Standard_D2s_v5',
  publicEndpoint: true,
  tags: {},
  sshPublicKey: 'ssh-ed25519 AAAA',
  servicePrincipalId: '00000000-0000-4000-8000-00000000000a',
  acrossTenants: true,
});

const resourceOf = (type: string): TemplateResource => {
  const found = resources.find((resource) => resource.type === type);
  if (!found) throw new Error(`The template makes no ${type}.`);
  return found;
};

/** The resource as Azure gives it back: ids written out, and more in it than was asked for. */
function asMade(resource: TemplateResource): ResourceState {
  const text = JSON.stringify(resource).replaceAll(
    /\[resourceId\('([^/']+)\/([^/']+)(?:\/([^']+))?', '([^']+)'(?:, '([^']+)')?\)\]/g,
    (_all, namespace: string, kind: string, child: string | undefined, name: string, childName: string | undefined) =>
      resourceId(place, `${namespace}/${kind}`, name) + (child ? `/${child}/${childName}` : ''),
  );
  const made = JSON.parse(text) as TemplateResource & { properties?: object };
  return { ...made, tags: made.tags ?? {}, etag: 'W/"1"', properties: { ...made.properties, provisioningState: 'Succeeded' } };
}

interface Rule {
  name: string;
  properties: Record<string, unknown>;
}
const group = resourceOf(RESOURCE_TYPES.securityGroup);
const withRules = (change: (rules: Rule[]) => Rule[]): ResourceState => {
  const made = asMade(group) as ResourceState & { properties: { securityRules: Rule[] } };
  return { ...made, properties: { ...made.properties, securityRules: change(made.properties.securityRules) } };
};

describe('drift from the template', () => {
  it.each(resources.filter(isCompared).map((resource) => [resource.name, resource] as const))(
    'is none in %s as Azure made it',
    (_name, resource) => {
      expect(findDrift(resource, asMade(resource), place)).toBeUndefined();
    },
  );

  it('is none for another order and other spelling', () => {
    const shouted = withRules((rules) =>
      [...rules].reverse().map((rule) => ({
        ...rule,
        properties: { ...rule.properties, access: String(rule.properties['access']).toUpperCase() },
      })),
    );
    expect(findDrift(group, shouted, place)).toBeUndefined();
  });

  it('names a rule that was altered, taken away or added', () => {
    const altered = withRules((rules) =>
      rules.map((rule) => (rule.name === 'allow-https' ? { ...rule, properties: { ...rule.properties, access: 'Deny' } } : rule)),
    );
    expect(findDrift(group, altered, place)).toBe('properties.securityRules.allow-https.properties.access');
    const less = withRules((rules) => rules.filter(({ name }) => name !== 'deny-everything-else'));
    expect(findDrift(group, less, place)).toBe('properties.securityRules.deny-everything-else');
    const open = withRules((rules) => [
      ...rules,
      { ...rules[0], name: 'open', properties: { ...rules[0]?.properties, sourceAddressPrefix: '*' } },
    ]);
    expect(findDrift(group, open, place)).toBe('properties.securityRules.open');
  });

  it('finds a subnet that was taken out of its security group', () => {
    const network = resourceOf(RESOURCE_TYPES.virtualNetwork);
    const made = asMade(network) as ResourceState & { properties: { subnets: { properties: Record<string, unknown> }[] } };
    const subnets = made.properties.subnets.map(({ properties: { networkSecurityGroup: _gone, ...properties }, ...rest }) => ({
      ...rest,
      properties,
    }));
    expect(findDrift(network, { ...made, properties: { ...made.properties, subnets } }, place)).toContain('networkSecurityGroup');
  });

  it('finds a storage account that was opened', () => {
    const account = resourceOf(RESOURCE_TYPES.storageAccount);
    const made = asMade(account) as ResourceState & { properties: object };
    const opened = { ...made, properties: { ...made.properties, allowBlobPublicAccess: true } };
    expect(findDrift(account, opened, place)).toBe('properties.allowBlobPublicAccess');
  });
});
