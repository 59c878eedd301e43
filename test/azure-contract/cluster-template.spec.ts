import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderCloudConfig } from '@managed-consul/agent-protocol';
import {
  CLUSTER_TAG,
  clusterNames,
  clusterTemplate,
  openAzure,
  RESOURCE_TYPES,
  type ClusterDescription,
} from '@managed-consul/azure';
import { SecretValue, seconds } from '@managed-consul/config';
import { until } from '@managed-consul/testing';
import { EmulatedAzure, OWNER, SUBSCRIPTION, TENANT } from './emulated-azure';
import { groupName, liveAzure, patience } from './live-azure';
import { clientsOf } from './sample-scale-set';

const GROUP = groupName('cluster');
const CLUSTER: ClusterDescription = {
  id: '0f0e0d0c-0000-4000-8000-0123456789ab',
  installationId: '0f0e0d0c-0000-4000-8000-000000000001',
  region: 'westeurope',
  availabilityZones: true,
  networkCidr: '10.20.0.0/24',
  servers: 3,
  vmSize: 'Standard_D2s_v5',
  publicEndpoint: true,
  tags: { team: 'platform' },
  sshPublicKey: 'ssh-ed25519 AAAA',
  servicePrincipalId: OWNER.objectId,
  acrossTenants: false,
};

/** In the order in which Azure lets them go. */
const REMOVAL: readonly (readonly string[])[] = [
  [RESOURCE_TYPES.scaleSet],
  [RESOURCE_TYPES.loadBalancer, RESOURCE_TYPES.virtualNetwork, RESOURCE_TYPES.storageAccount],
  [RESOURCE_TYPES.natGateway, RESOURCE_TYPES.securityGroup],
  [RESOURCE_TYPES.publicAddress, RESOURCE_TYPES.identity],
];

describe('the template of a cluster', () => {
  const azure = new EmulatedAzure();
  const names = clusterNames(CLUSTER.id);
  let subscription: ReturnType<ReturnType<typeof openAzure>['inSubscription']>;

  const deploy = async (): Promise<void> => {
    const customData = renderCloudConfig({
      gatewayUrl: 'https://127.0.0.1:1',
      gatewayAudience: 'api://gateway',
      gatewayCaPem: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      bundleSha256: 'a'.repeat(64),
    });
    const before = await subscription.deployments.find(GROUP, names.deployment);
    await subscription.deployments.start(GROUP, names.deployment, {
      template: { ...clusterTemplate(CLUSTER) },
      parameters: { customData: { value: customData } },
    });
    const facts = await until(
      async () => {
        const now = await subscription.deployments.find(GROUP, names.deployment);
        return now && now.state !== 'running' && now.correlationId !== before?.correlationId && now;
      },
      { within: patience(seconds(60)), because: 'the deployment has ended' },
    );
    expect(facts).toMatchObject({ state: 'succeeded' });
  };

  const left = () => subscription.resources.listByTag(GROUP, CLUSTER_TAG, CLUSTER.id);

  beforeAll(async () => {
    await azure.start();
    subscription = openAzure({
      endpoint: azure.endpoint,
      authority: azure.authority,
      tenantId: TENANT,
      clientId: OWNER.clientId,
      clientSecret: new SecretValue(OWNER.secret),
    }).inSubscription(SUBSCRIPTION);
    await clientsOf(azure).resources.resourceGroups.createOrUpdate(GROUP, { location: CLUSTER.region });
  });

  afterAll(() => azure.dispose('cluster'));

  it('makes everything that a cluster needs, with its tags, and servers that boot its agent', async () => {
    await deploy();
    const types = (await left()).map(({ type }) => type.toLowerCase()).sort();
    expect([...new Set(types)]).toEqual(
      Object.values(RESOURCE_TYPES)
        .map((type) => type.toLowerCase())
        .sort(),
    );
    const servers = await subscription.scaleSets.listInstances(GROUP, names.scaleSet);
    expect(servers.map(({ azureName, provisioningState }) => ({ azureName, provisioningState }))).toEqual(
      [0, 1, 2].map((index) => ({ azureName: `${names.scaleSet}_${index}`, provisioningState: 'Succeeded' })),
    );
    expect(new Set(servers.map(({ address }) => address)).size).toBe(3);
    // What runs on them only the emulator tells.
    if (!liveAzure) {
      expect(azure.machineFolders().sort()).toEqual(servers.map(({ vmId }) => vmId).sort());
      const services = azure.machineServices();
      expect(services).toHaveLength(3);
      expect(services.every((service) => service['managed-consul-agent.service']?.state === 'active')).toBe(true);
    }
    expect(await subscription.loadBalancers.findPublicAddress(GROUP, names.publicAddress)).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  });

  it('changes nothing when it is deployed again', async () => {
    const before = { resources: await left(), servers: await subscription.scaleSets.listInstances(GROUP, names.scaleSet) };
    await deploy();
    expect({ resources: await left(), servers: await subscription.scaleSets.listInstances(GROUP, names.scaleSet) }).toEqual(
      before,
    );
  });

  it('can be taken away part by part, and nothing is left', async () => {
    for (const types of REMOVAL) {
      const part = async () => (await left()).filter(({ type }) => types.some((one) => one.toLowerCase() === type.toLowerCase()));
      for (const resource of await part()) await subscription.resources.startRemoval(resource);
      await until(async () => (await part()).length === 0, {
        within: patience(seconds(30)),
        because: `${types.join(', ')} are gone`,
      });
    }
    expect(await left()).toEqual([]);
    expect(azure.machineFolders()).toEqual([]);
  });
});
