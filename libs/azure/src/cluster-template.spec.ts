import { describe, expect, it } from 'vitest';
import { clusterTemplate, type ClusterDescription } from './cluster-template';
import { CLUSTER_TAG } from './names';

const description: ClusterDescription = {
  id: '01939b7a-6d3f-7000-8000-0123456789ab',
  installationId: '01939b7a-6d3f-7000-8000-000000000001',
  region: 'westeurope',
  availabilityZones: true,
  networkCidr: '172.25.16.0/24',
  servers: 3,
  vmSize: 'Standard_D2s_v5',
  publicEndpoint: false,
  tags: { team: 'web' },
  sshPublicKey: 'ssh-ed25519 AAAA',
  servicePrincipalId: '00000000-0000-4000-8000-00000000000a',
  acrossTenants: true,
};

const typesOf = (changes: Partial<ClusterDescription> = {}) => clusterTemplate({ ...description, ...changes }).resources;

const inboundFrom = (source: string, changes: Partial<ClusterDescription> = {}) =>
  (
    typesOf(changes).find(({ type }) => type.endsWith('networkSecurityGroups'))?.['properties'] as {
      securityRules: { properties: { sourceAddressPrefix: string; access: string; destinationPortRange: string } }[];
    }
  ).securityRules.filter(({ properties }) => properties.access === 'Allow' && properties.sourceAddressPrefix === source);

describe('template of a cluster', () => {
  it('tags every resource with the cluster, so that delete finds all of it', () => {
    // What is part of the storage account, or a role on it, goes with it.
    const own = typesOf({ publicEndpoint: true }).filter(({ type, scope }) => !scope && !type.includes('/blobServices/'));
    for (const resource of own) expect(resource.tags).toMatchObject({ [CLUSTER_TAG]: description.id, team: 'web' });
  });

  it('opens nothing to the internet unless the customer asked for a public endpoint', () => {
    expect(inboundFrom('Internet')).toEqual([]);
    expect(typesOf().filter(({ type }) => type.endsWith('publicIPAddresses'))).toHaveLength(1);
    expect(inboundFrom('Internet', { publicEndpoint: true }).map(({ properties }) => properties.destinationPortRange)).toEqual([
      '8501',
    ]);
  });

  it('depends only on what it makes itself', () => {
    const { resources } = clusterTemplate({ ...description, publicEndpoint: true });
    const made = resources.map(({ type, name }) => `[resourceId('${type}', '${name}')]`);
    for (const { dependsOn = [] } of resources) for (const id of dependsOn) expect(made).toContain(id);
  });

  it('lets nobody at the snapshots but the servers and the service, each with a token of its own', () => {
    const resources = typesOf();
    expect(resources.find(({ type }) => type.endsWith('storageAccounts'))).toMatchObject({
      properties: { allowBlobPublicAccess: false, allowSharedKeyAccess: false, minimumTlsVersion: 'TLS1_2' },
    });
    const roles = resources.filter(({ type }) => type.endsWith('roleAssignments'));
    expect(roles.map(({ properties }) => (properties as { principalId: string }).principalId)).toEqual([
      expect.stringMatching(/^\[reference\(/),
      description.servicePrincipalId,
    ]);
    expect(new Set(roles.map(({ name }) => name)).size).toBe(2);
    for (const { scope } of roles) expect(scope).toBe('Microsoft.Storage/storageAccounts/consul0123456789ab');
  });

  it('hands the cloud-config over as a secure parameter', () => {
    const template = clusterTemplate(description);
    expect(template.parameters['customData']).toEqual({ type: 'securestring' });
  });

  it('spreads over zones only where the region has them', () => {
    expect(typesOf().find(({ type }) => type.endsWith('virtualMachineScaleSets'))).toMatchObject({ zones: ['1', '2', '3'] });
    expect(JSON.stringify(typesOf({ availabilityZones: false }))).not.toContain('zones');
  });
});
