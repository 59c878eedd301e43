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
    for (const resource of typesOf({ publicEndpoint: true }))
      expect(resource.tags).toMatchObject({ [CLUSTER_TAG]: description.id, team: 'web' });
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

  it('hands the cloud-config over as a secure parameter', () => {
    const template = clusterTemplate(description);
    expect(template.parameters['customData']).toEqual({ type: 'securestring' });
  });

  it('spreads over zones only where the region has them', () => {
    expect(typesOf().find(({ type }) => type.endsWith('virtualMachineScaleSets'))).toMatchObject({ zones: ['1', '2', '3'] });
    expect(JSON.stringify(typesOf({ availabilityZones: false }))).not.toContain('zones');
  });
});
