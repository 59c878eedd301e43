import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ClientBundleBody, ClusterBody, hcsOperations } from '@managed-consul/api-contract';
import { consulBinary, until } from '@managed-consul/testing';
import { azureAsCustomer, resourcesIn } from '../support/azure-as-customer';
import { startConsulClientAgent } from '../support/consul-client-agent';
import { askThroughAzure } from '../support/custom-provider-calls';
import { signIn, type Customer } from '../support/customer';
import { serviceStatus, type ServiceStatus } from '../support/service-status';

type HcsOperationName = keyof typeof hcsOperations;

const CLIENT_ADDRESS = '127.88.0.17';

let status: ServiceStatus;
let customer: Customer;

/** What must be the same however a cluster was asked for. */
const shape = ({ provisioningState, servers, consulVersion, endpointVisibility, vmSize, observed }: ClusterBody) => ({
  provisioningState,
  servers,
  consulVersion,
  endpointVisibility,
  vmSize,
  running: observed.servers.length,
  runningVersion: observed.consulVersion,
});

beforeAll(async () => {
  status = await serviceStatus();
  customer = signIn(status, status.samples.customer);
});

/** What an application brings by itself, however many clusters it has. */
const OF_THE_APPLICATION = 'microsoft.customproviders/resourceproviders';

/** Types of a resource group's resources with the number of each, without what is the application's own. */
async function resourceTypes(resourceGroup: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const id of await resourcesIn(status, customer, resourceGroup)) {
    const type = id.split('/providers/')[1]?.split('/').slice(0, 2).join('/') ?? id;
    if (type !== OF_THE_APPLICATION) counts[type] = (counts[type] ?? 0) + 1;
  }
  return counts;
}

const managedGroupId = (name: string): string => `/subscriptions/${customer.identity.subscriptionId}/resourceGroups/${name}`;

async function buyManagedApplication(name: string): Promise<{ applicationId: string; managedGroup: string }> {
  const { applications } = azureAsCustomer(status, customer);
  const { resourceGroup } = customer.identity;
  const managedGroup = `${name}-managed`;
  const application = await applications.applications.beginCreateOrUpdateAndWait(resourceGroup, name, {
    location: 'westeurope',
    kind: 'ServiceCatalog',
    managedResourceGroupId: managedGroupId(managedGroup),
    applicationDefinitionId: status.samples.applicationDefinitionId,
    parameters: {
      clusterName: { value: name },
      consulDataCenter: { value: 'dc1' },
      clusterMode: { value: 'DEVELOPMENT' },
      consulVnetCidr: { value: '172.25.16.0/24' },
      email: { value: 'platform-team@example.com' },
    },
  });
  return { applicationId: application.id ?? '', managedGroup };
}

/**
 * What programs for the original service do, through Azure: read the cluster, make a token, fetch the configuration; a Consul
 * client with nothing else then joins.
 */
async function joinThroughAzure(resourceGroup: string, cluster: string): Promise<void> {
  const ask = <Name extends HcsOperationName>(name: Name, body?: object) =>
    askThroughAzure({ status, customer }, { resourceGroup, cluster }, name, body);
  const { subscriptionId, resourceGroup: applicationGroup } = customer.identity;
  const named = { subscriptionId, resourceGroup: applicationGroup };
  expect(await ask('GetCluster')).toMatchObject({ name: cluster, properties: { state: 'RUNNING', consulNumServers: '1' } });
  expect(await ask('GetFederation', named)).toEqual({ state: 'UNKNOWN', secondaryDatacenters: [] });
  const { masterToken } = await ask('CreateToken', { subscriptionId, resourceGroup: managedGroupId(resourceGroup) });
  const { caFile = '', clientConfig = '' } = await ask('GetConfig', named);
  const clientConfiguration = JSON.parse(clientConfig) as ClientBundleBody['clientConfiguration'];
  const agent = await startConsulClientAgent({
    consulBinary: (await consulBinary()).path,
    address: CLIENT_ADDRESS,
    bundle: { caPem: caFile, clientConfiguration, readme: '' },
    token: masterToken?.secretId ?? '',
  });
  try {
    await until(async () => (await agent.ask('GET', '/v1/catalog/nodes').catch(() => ({ status: 0 }))).status === 200, {
      within: 30_000,
      because: `the client agent joined: ${agent.output().slice(-2000)}`,
    });
  } finally {
    await agent.stop();
  }
}

describe('the front doors', () => {
  it('lead to the same cluster by managed application, through Azure and by /v1, and one Idempotency-Key makes one cluster', async () => {
    const name = `door-${randomUUID().slice(0, 6)}`;
    const { applicationId, managedGroup } = await buyManagedApplication(name);
    const installation = await until(
      async () => {
        const { body } = await customer.api.call('listInstallations', {});
        return body.value.find((each) => each.applicationId === applicationId.toLowerCase());
      },
      { within: 60_000, because: 'the notification led to an installation' },
    );
    const byNotification = await until(
      async () => {
        const { body } = await customer.api.call('listClusters', { query: { installationId: installation.id } });
        return body.value.find((each) => each.name === name && each.provisioningState === 'Succeeded');
      },
      { within: 120_000, because: 'the notification led to a cluster' },
    );
    const typesOfOne = await resourceTypes(managedGroup);
    await joinThroughAzure(managedGroup, name);

    const request = { name: `${name}-b`, servers: 1, networkCidr: '172.25.17.0/24', installationId: installation.id };
    const body = { ...request, email: 'platform-team@example.com' };
    const headers = { 'idempotency-key': randomUUID() };
    const first = await customer.api.call('createCluster', { body, headers });
    const second = await customer.api.call('createCluster', { body, headers });
    expect(second.body.cluster.id).toBe(first.body.cluster.id);
    expect(second.body.operation.id).toBe(first.body.operation.id);
    expect((await customer.untilEnded(first.body.operation.id)).status).toBe('Succeeded');
    const direct = (await customer.api.call('getCluster', { params: { id: first.body.cluster.id } })).body;
    expect(shape(direct)).toEqual(shape(byNotification));

    const typesOfTwo = await resourceTypes(managedGroup);
    expect(typesOfTwo).toEqual(Object.fromEntries(Object.entries(typesOfOne).map(([type, count]) => [type, count * 2])));

    const { applications } = azureAsCustomer(status, customer);
    await applications.applications.beginDeleteAndWait(customer.identity.resourceGroup, name);
    await until(
      async () => {
        const { body: list } = await customer.api
          .call('listClusters', { query: { installationId: installation.id } })
          .catch(() => ({ body: { value: [] } }));
        return list.value.every((each) => each.provisioningState === 'Deleted');
      },
      { within: 120_000, because: 'deleting the application removed its clusters' },
    );
  });
});
