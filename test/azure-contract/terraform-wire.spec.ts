/**
 * What the Terraform provider for HCS sends, byte for byte where it is odd: tokens of version 1, a look-up in Azure AD Graph, paths
 * with two slashes in front, a managed group's whole id percent-encoded as one piece. It goes to Azure's own names, as the emulator's
 * proxy delivers it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seconds } from '@managed-consul/config';
import { until } from '@managed-consul/testing';
import { answerJson, CustomEndpoint } from '../../tools/test-servers/custom-endpoint';
import { sendOnWire, type WireReply } from '../support/wire-request';
import { EmulatedAzure, OWNER, SUBSCRIPTION, TENANT } from './emulated-azure';
import { liveAzure, ONLY_EMULATED } from './live-azure';

const PUBLISHER = {
  objectId: 'aaaaaaaa-0000-4000-8000-00000000000a',
  applicationId: 'aaaaaaaa-0000-4000-8000-00000000000b',
  tenantId: TENANT,
  displayName: 'publisher',
  secret: 'publisher-secret',
};
const OWNER_ROLE = '8e3af657-a8ff-443c-a75c-2fe8c4bcb635';
const PLAN = { publisher: 'hashicorp-4665790', product: 'hcs-production', name: 'on-demand-v2', version: '0.0.76' };
const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/customer`;
const MANAGED = `${GROUP}-mrg-hcs`;
const APPLICATION = `${GROUP}/providers/Microsoft.Solutions/applications/hcs`;
const ORDER = ['clusterMode', 'clusterName', 'consulDataCenter', 'consulVnetCidr', 'email', 'externalEndpoint'];

const mainTemplate = (endpoint: string) => ({
  $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
  contentVersion: '1.0.0.0',
  parameters: Object.fromEntries(ORDER.map((name) => [name, { type: 'string' }])),
  resources: [
    {
      type: 'Microsoft.CustomProviders/resourceProviders',
      apiVersion: '2018-09-01-preview',
      name: 'public',
      location: '[resourceGroup().location]',
      properties: {
        actions: [{ name: 'createToken', routingType: 'Proxy', endpoint: `${endpoint}/hcs{requestPath}?code=s3cret` }],
        resourceTypes: [{ name: 'consulClusters', routingType: 'Proxy', endpoint: `${endpoint}/hcs{requestPath}?code=s3cret` }],
      },
    },
    {
      type: 'Microsoft.Network/virtualNetworks',
      apiVersion: '2020-05-01',
      name: "[concat(parameters('clusterName'), '-vnet')]",
      location: '[resourceGroup().location]',
      properties: { addressSpace: { addressPrefixes: ["[parameters('consulVnetCidr')]"] } },
    },
  ],
});

describe.skipIf(liveAzure !== undefined)(`Azure in the wire form of the Terraform provider${ONLY_EMULATED}`, () => {
  let emulator: EmulatedAzure;
  let endpoint: CustomEndpoint;
  let token: string;

  function send(method: string, host: string, path: string, body?: string, type?: string): Promise<WireReply> {
    const signedIn = host.startsWith('login.') ? {} : { token };
    const content = body === undefined ? {} : { body };
    const { endpoint: address, proxy } = emulator;
    const asked = { method, host, path, ...signedIn, ...content, ...(type === undefined ? {} : { type }) };
    return sendOnWire({ endpoint: address, caFile: proxy.caFile }, asked);
  }

  const arm = (method: string, path: string, body?: object): Promise<WireReply> =>
    send(method, 'management.azure.com', path, body === undefined ? undefined : JSON.stringify(body));

  async function signIn(resource: string): Promise<WireReply> {
    const form = new URLSearchParams({
      client_id: OWNER.clientId,
      client_secret: OWNER.secret,
      grant_type: 'client_credentials',
      resource,
    });
    const path = `/${TENANT}/oauth2/token?api-version=1.0`;
    const reply = await send('POST', 'login.microsoftonline.com', path, form.toString(), 'application/x-www-form-urlencoded');
    token = String(reply.body['access_token']);
    return reply;
  }

  beforeAll(async () => {
    endpoint = await CustomEndpoint.open();
    const properties = {
      lockLevel: 'ReadOnly',
      authorizations: [{ principalId: PUBLISHER.objectId, roleDefinitionId: OWNER_ROLE }],
      lockingPolicy: { allowedActions: ['Microsoft.CustomProviders/resourceProviders/*/action'] },
      mainTemplate: mainTemplate(endpoint.url),
    };
    const publisherGroup = `/subscriptions/${SUBSCRIPTION}/resourceGroups/publisher`;
    emulator = new EmulatedAzure({
      servicePrincipals: [PUBLISHER],
      resourceGroups: ['customer', 'publisher'].map((name) => ({ subscriptionId: SUBSCRIPTION, name, location: 'westeurope' })),
      managedClusters: [
        {
          subscriptionId: SUBSCRIPTION,
          resourceGroup: 'customer',
          name: 'aks',
          location: 'westeurope',
          properties: { fqdn: 'aks.example' },
        },
      ],
      publicDocuments: [
        { host: 'raw.githubusercontent.com', path: '/hashicorp/cloud-hcs-meta/master/ama-plans/defaults.json', content: PLAN },
      ],
      applicationDefinitions: [
        {
          id: `${publisherGroup}/providers/Microsoft.Solutions/applicationDefinitions/hcs`,
          location: 'westeurope',
          plan: PLAN,
          properties,
        },
      ],
    });
    await emulator.start();
  });
  afterAll(async () => {
    await emulator.dispose();
    await endpoint.close();
  });

  it('signs in with version 1, numbers as text, and learns its own object id from Azure AD Graph', async () => {
    const { body } = await signIn('https://graph.windows.net/');
    expect(body).toMatchObject({ token_type: 'Bearer', resource: 'https://graph.windows.net/' });
    for (const name of ['expires_in', 'expires_on', 'not_before']) expect(body[name]).toMatch(/^\d+$/);
    const filter = encodeURIComponent(`appId eq '${OWNER.clientId}'`);
    const found = await send('GET', 'graph.windows.net', `/${TENANT}/servicePrincipals?%24filter=${filter}&api-version=1.6`);
    expect(found.body['value']).toEqual([expect.objectContaining({ objectId: OWNER.objectId })]);
  });

  it('finds the cloud by name in the list that version 2020-06-01 gives', async () => {
    const { body } = await send('GET', 'management.azure.com', '/metadata/endpoints?api-version=2020-06-01');
    const [cloud] = body as unknown as Record<string, unknown>[];
    expect(cloud).toMatchObject({ name: 'AzureEmulator', resourceManager: 'https://management.azure.com' });
    expect(cloud?.['suffixes']).toMatchObject({ storage: 'core.windows.net' });
  });

  it('orders the Marketplace plan and follows the order to its end', async () => {
    await signIn('https://management.azure.com/');
    const plan = await send('GET', 'raw.githubusercontent.com', '/hashicorp/cloud-hcs-meta/master/ama-plans/defaults.json');
    expect(plan.body).toMatchObject({ name: PLAN.name, version: PLAN.version });
    expect((await arm('GET', `${GROUP}?api-version=2020-06-01`)).body).toMatchObject({ location: 'westeurope' });
    const registered = await arm(
      'POST',
      `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Solutions/register?api-version=2016-02-01`,
    );
    expect(registered.body).toMatchObject({ registrationState: 'Registered' });
    expect((await arm('GET', `${APPLICATION}?api-version=2019-07-01`)).status).toBe(404);

    const values = ['PRODUCTION', 'sample', 'dc1', '172.25.16.0/24', 'a@example.com', 'disabled'];
    const parameters = Object.fromEntries(ORDER.map((name, index) => [name, { value: values[index] }]));
    const order = {
      kind: 'MarketPlace',
      location: 'westeurope',
      plan: PLAN,
      properties: { managedResourceGroupId: MANAGED, parameters },
    };
    const ordered = await arm('PUT', `${APPLICATION}?api-version=2019-07-01`, order);
    expect(ordered.status).toBe(201);
    expect(ordered.headers['retry-after']).toMatch(/^\d+$/);
    const poll = new URL(String(ordered.headers['azure-asyncoperation']));
    expect(poll.host).toBe('management.azure.com');
    await until(async () => (await arm('GET', `${poll.pathname}${poll.search}`)).body['status'] === 'Succeeded', {
      within: seconds(60),
    });
    // GetByID joins a slash and an id that begins with one.
    const byId = await arm('GET', `/${APPLICATION}?api-version=2019-07-01`);
    expect(byId.body['properties']).toMatchObject({ provisioningState: 'Succeeded', managedResourceGroupId: MANAGED });
  });

  it('calls custom actions and reads custom resources below a managed group whose id is one percent-encoded piece', async () => {
    endpoint.answer = ({ method }, response) => answerJson(response, 200, { method });
    const provider = `/${encodeURIComponent(MANAGED)}/providers/Microsoft.CustomProviders/resourceProviders/public`;
    const body = { resourceGroup: MANAGED, subscriptionId: SUBSCRIPTION };
    expect(await arm('POST', `${provider}/createToken?api-version=2018-09-01-preview`, body)).toMatchObject({
      status: 200,
      body: { method: 'POST' },
    });
    const id = `${MANAGED}/providers/Microsoft.CustomProviders/resourceProviders/public`;
    expect(endpoint.last.url).toBe(`/hcs${id}/createToken?code=s3cret&api-version=2018-09-01-preview`);
    expect(JSON.parse(endpoint.last.body)).toEqual(body);
    const cluster = await arm('GET', `${provider}/consulClusters/sample?api-version=2018-09-01-preview`);
    expect(cluster).toMatchObject({ status: 200, body: { method: 'GET' } });
    // The customer reads in the managed group and calls what it may call, no more.
    expect((await arm('PUT', `${provider}/consulClusters/sample?api-version=2018-09-01-preview`, {})).status).toBe(403);
  });

  it('reads the network of the cluster and the Kubernetes cluster that is to join it', async () => {
    const network = `${MANAGED}/providers/Microsoft.Network/virtualNetworks/sample-vnet`;
    expect((await arm('GET', `${network}?api-version=2020-05-01`)).body).toMatchObject({
      properties: { addressSpace: { addressPrefixes: ['172.25.16.0/24'] } },
    });
    const kubernetes = `${GROUP}/providers/Microsoft.ContainerService/managedClusters/aks`;
    expect((await arm('GET', `${kubernetes}?api-version=2020-07-01`)).body).toMatchObject({
      properties: { fqdn: 'aks.example' },
    });
  });

  it('changes tags and destroys by an id with two slashes in front, and takes the managed group with it', async () => {
    const patched = await arm('PATCH', `${APPLICATION}?api-version=2019-07-01`, { tags: { stage: 'test' } });
    expect([200, 202]).toContain(patched.status);
    await until(async () => (await arm('GET', `${APPLICATION}?api-version=2019-07-01`)).body['properties'], {
      within: seconds(30),
    });
    const deleted = await until(
      async () => {
        const reply = await arm('DELETE', `/${APPLICATION}?api-version=2019-07-01`);
        return reply.status === 202 ? reply : undefined;
      },
      { within: seconds(30), because: 'the change of tags is over' },
    );
    expect(deleted.headers['retry-after']).toMatch(/^\d+$/);
    const poll = new URL(String(deleted.headers.location));
    const last = await until(
      async () => {
        const reply = await arm('GET', `${poll.pathname}${poll.search}`);
        return reply.status === 202 ? undefined : reply;
      },
      { within: seconds(60), because: 'the application is gone' },
    );
    expect([200, 204]).toContain(last.status);
    expect((await arm('GET', `${MANAGED}?api-version=2020-06-01`)).status).toBe(404);
  });
});
