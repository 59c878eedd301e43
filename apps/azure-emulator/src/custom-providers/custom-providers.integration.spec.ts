import { ResourceManagementClient } from '@azure/arm-resources';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deploymentsProvider } from '../deployments/deployments.provider';
import { sample, startTestEmulator, type TestEmulator } from '../emulator.builder';
import { aTemplate } from '../template-language/template.builders';
import { answerJson, CustomEndpoint } from '../../../../tools/test-servers/custom-endpoint';
import { customProvidersProvider } from './custom-providers.provider';

const GROUP = `/subscriptions/${sample.subscriptionId}/resourceGroups/sample`;
const ID = `${GROUP}/providers/Microsoft.CustomProviders/resourceProviders/public`;
const VERSION = '2018-09-01-preview';
const query = `api-version=${VERSION}`;
const reader = { principal: sample.reader, tenantId: sample.tenantId };

describe('Microsoft.CustomProviders', () => {
  let emulator: TestEmulator;
  let endpoint: CustomEndpoint;
  let client: ResourceManagementClient;

  const manifest = () => ({
    location: 'westeurope',
    properties: {
      actions: [
        { name: 'createToken', routingType: 'Proxy', endpoint: `${endpoint.url}/front?secret=s3cret` },
        { name: 'listKeys', endpoint: `${endpoint.url}/front` },
        { name: 'things/restart', routingType: 'Proxy', endpoint: `${endpoint.url}/base/{requestPath}` },
      ],
      resourceTypes: [
        { name: 'things', routingType: 'Proxy', endpoint: `${endpoint.url}/things` },
        { name: 'kept', routingType: 'Proxy, Cache', endpoint: `${endpoint.url}/kept{requestPath}` },
      ],
    },
  });
  const call = (method: string, path: string, options: Parameters<TestEmulator['call']>[2] = {}) =>
    emulator.call(method, `${ID}${path}`, { query, ...options });

  beforeAll(async () => {
    endpoint = await CustomEndpoint.open();
    emulator = await startTestEmulator({
      providers: [deploymentsProvider, customProvidersProvider],
      environment: { EMULATOR_RETRY_AFTER_SECONDS: '0', EMULATOR_CUSTOM_PROVIDER_SECONDS: '1' },
    });
    const scopes = [`${emulator.endpoint}/.default`];
    const options = { endpoint: emulator.endpoint, credentials: { scopes }, credentialScopes: scopes };
    client = new ResourceManagementClient(emulator.credential(sample.owner, sample.tenantId), sample.subscriptionId, options);
    const made = await client.resources.createOrUpdateById(ID, VERSION, manifest());
    expect(made.properties).toMatchObject({ provisioningState: 'Succeeded' });
  });

  afterAll(async () => {
    await emulator.dispose();
    await endpoint.close();
  });

  beforeEach(() => {
    endpoint.received.length = 0;
    endpoint.answer = (_request, response) => answerJson(response, 200, {});
  });

  it('passes an action on with its path, its body and the endpoint’s own query, but never the token', async () => {
    endpoint.answer = (_request, response) => answerJson(response, 200, { token: 'made' });
    const answer = await call('POST', '/createToken', {
      body: { resourceGroup: 'sample' },
      headers: { 'x-ms-correlation-request-id': 'correlation-1', 'accept-language': 'de' },
    });
    expect(answer).toMatchObject({ status: 200, body: { token: 'made' } });
    const { method, url, headers, body } = endpoint.last;
    expect({ method, url }).toEqual({ method: 'POST', url: `/front?secret=s3cret&api-version=${VERSION}` });
    expect(JSON.parse(body)).toEqual({ resourceGroup: 'sample' });
    expect(headers).toMatchObject({
      'x-ms-customproviders-requestpath': `${ID}/createToken`,
      'content-type': 'application/json',
      'x-ms-correlation-request-id': 'correlation-1',
      'accept-language': 'de',
      'x-ms-client-ip-address': '127.0.0.1',
      referer: `${emulator.endpoint}${ID}/createToken?${query}`,
    });
    expect(headers.authorization).toBeUndefined();
  });

  it('puts the path in place of {requestPath}', async () => {
    await call('POST', '/things/one/restart');
    expect(endpoint.last.url).toBe(`/base${ID}/things/one/restart?${query}`);
    await call('PUT', '/kept/two', { body: { properties: {} } });
    expect(endpoint.last.url).toBe(`/kept${ID}/kept/two?${query}`);
  });

  it('finds an action in any case, behind doubled slashes and percent-encoded ids', async () => {
    const [, subscription, group] = /^(\/subscriptions\/[^/]+)(\/.*)$/.exec(GROUP) ?? [];
    const encoded = `/${encodeURIComponent(`${subscription ?? ''}${group ?? ''}`)}`;
    const path = `${encoded}/providers/microsoft.customproviders/RESOURCEPROVIDERS/public/CREATETOKEN`;
    expect((await emulator.call('POST', path, { query, body: {} })).status).toBe(200);
    expect(endpoint.last.headers['x-ms-customproviders-requestpath']).toBe(
      `${GROUP}/providers/microsoft.customproviders/RESOURCEPROVIDERS/public/CREATETOKEN`,
    );
    expect((await emulator.call('POST', `/${ID}//createToken`, { query, body: {} })).status).toBe(200);
  });

  it('shows what the endpoint answers, errors too, and lets a Proxy type answer every read itself', async () => {
    endpoint.answer = ({ method }, response) =>
      method === 'PUT'
        ? answerJson(response, 201, { id: `${ID}/things/one`, name: 'one', extra: true })
        : answerJson(response, 404, { error: { code: 'NoSuchThing', message: 'There is none.' } });
    const made = await call('PUT', '/things/one', { body: { properties: { size: 1 } } });
    expect(made).toMatchObject({ status: 201, body: { name: 'one', extra: true } });
    expect(await call('GET', '/things/one')).toMatchObject({ status: 404, body: { error: { code: 'NoSuchThing' } } });
    expect(await call('DELETE', '/things/one')).toMatchObject({ status: 404 });
    expect(endpoint.received.map(({ method }) => method)).toEqual(['PUT', 'GET', 'DELETE']);
  });

  it('keeps the resources of a Proxy, Cache type: their properties only, read without the endpoint', async () => {
    endpoint.answer = (_request, response) =>
      answerJson(response, 200, { id: 'mine', name: 'mine', owner: 'me', properties: { size: 2 } });
    const one = { id: `${ID}/kept/one`, name: 'one', type: 'Microsoft.CustomProviders/resourceProviders/kept' };
    const kept = { ...one, properties: { size: 2 } };
    expect((await call('PUT', '/kept/one', { body: { properties: { size: 1 } } })).body).toEqual(kept);
    endpoint.received.length = 0;
    expect((await call('GET', '/KEPT/ONE')).body).toEqual(kept);
    expect((await call('GET', '/kept')).body['value']).toContainEqual(kept);
    expect(endpoint.received).toEqual([]);

    endpoint.answer = (_request, response) => answerJson(response, 409, { error: { code: 'InUse', message: 'It is used.' } });
    expect((await call('DELETE', '/kept/one')).status).toBe(409);
    expect((await call('GET', '/kept/one')).status).toBe(200);
    endpoint.answer = (_request, response) => answerJson(response, 200, {});
    expect((await call('DELETE', '/kept/one')).status).toBe(200);
    expect((await call('GET', '/kept/one')).body.error?.code).toBe('ResourceNotFound');
    endpoint.received.length = 0;
    expect((await call('DELETE', '/kept/one')).status).toBe(204);
    expect(endpoint.received).toEqual([]);
  });

  it('asks the endpoint again while a kept resource is still changing', async () => {
    const states = ['Creating', 'Creating', 'Succeeded'];
    endpoint.answer = (_request, response) =>
      answerJson(response, 200, { properties: { provisioningState: states.shift() ?? 'Failed' } });
    await call('PUT', '/kept/slow', { body: {} });
    const read = async () => (await call('GET', '/kept/slow')).body['properties'];
    expect(await read()).toEqual({ provisioningState: 'Creating' });
    expect(await read()).toEqual({ provisioningState: 'Succeeded' });
    expect(await read()).toEqual({ provisioningState: 'Succeeded' });
  });

  it('leads addresses to poll back to itself, hides the endpoint’s own, and shows them to nobody else', async () => {
    let isDone = false;
    endpoint.answer = ({ url }, response) => {
      if (!url.startsWith('/jobs'))
        answerJson(response, 202, {}, { location: `${endpoint.url}/jobs/7?secret=s3cret`, 'retry-after': '1' });
      else if (isDone) answerJson(response, 200, { result: 'done' });
      else answerJson(response, 202, {}, { location: `${endpoint.url}/jobs/7?secret=s3cret`, 'retry-after': '1' });
    };
    const begun = await call('POST', '/createToken', { body: {} });
    expect(begun.status).toBe(202);
    expect(begun.headers.get('retry-after')).toBe('1');
    const location = new URL(begun.headers.get('location') ?? '');
    expect(location.origin).toBe(emulator.endpoint);
    expect(location.href).not.toContain('s3cret');
    const poll = (as?: typeof reader) => emulator.call('GET', location.pathname, { query, ...(as ? { as } : {}) });
    expect((await poll()).status).toBe(202);
    expect((await poll(reader)).status).toBe(404);
    isDone = true;
    expect(await poll()).toMatchObject({ status: 200, body: { result: 'done' } });
  });

  it.each([
    ['takes too long', 504, 'GatewayTimeout', () => undefined],
    ['cuts the connection', 502, 'BadGateway', (response) => response.destroy()],
    ['answers with a list', 502, 'InvalidResponse', (response) => response.end('[]')],
    ['answers with text', 502, 'InvalidResponse', (response) => response.end('hello')],
    ['answers with too much', 502, 'ResponseContentTooLarge', (response) => response.end(Buffer.alloc(8 * 1024 * 1024 + 1, 32))],
    ['fails without a reason', 503, 'CustomProviderError', (response) => response.writeHead(503).end('busy')],
  ] satisfies [string, number, string, (response: Parameters<CustomEndpoint['answer']>[1]) => unknown][])(
    'tells in Azure’s words when the endpoint %s, never its address',
    async (_what, status, code, react) => {
      endpoint.answer = (_request, response) => void react(response);
      const answer = await call('POST', '/createToken', { body: {} });
      expect(answer).toMatchObject({ status, body: { error: { code } } });
      expect(JSON.stringify(answer.body)).not.toContain('s3cret');
    },
  );

  it('asks for roles and locks on every call, before the endpoint hears of it', async () => {
    expect((await call('POST', '/createToken', { as: reader, body: {} })).body.error?.code).toBe('AuthorizationFailed');
    expect((await call('PUT', '/things/one', { as: reader, body: {} })).status).toBe(403);
    expect((await call('DELETE', '/kept/one', { as: reader })).status).toBe(403);
    expect(endpoint.received).toEqual([]);
    expect((await call('GET', '/things/one', { as: reader })).status).toBe(200);
    endpoint.received.length = 0;
    const lock = `${GROUP}/providers/Microsoft.Authorization/locks/hold`;
    await emulator.call('PUT', lock, { body: { properties: { level: 'ReadOnly' } } });
    expect((await call('POST', '/createToken', { body: {} })).body.error?.code).toBe('ScopeLocked');
    expect(endpoint.received).toEqual([]);
    await emulator.call('DELETE', lock);
  });

  it('knows only what the manifest declares', async () => {
    expect((await call('POST', '/destroy', { body: {} })).body.error?.code).toBe('InvalidResourceType');
    expect((await call('GET', '/unknown/one')).body.error?.code).toBe('InvalidResourceType');
    const missing = ID.replace(/public$/, 'private');
    expect((await emulator.call('POST', `${missing}/createToken`, { query, body: {} })).body.error?.code).toBe(
      'ResourceNotFound',
    );
  });

  it.each([
    ['nothing declared', { actions: [] }],
    ['plain HTTP to elsewhere', { actions: [{ name: 'a', endpoint: 'http://example.com' }] }],
    ['an unknown routing', { actions: [{ name: 'a', endpoint: 'https://example.com', routingType: 'Webhook' }] }],
    ['a cache for actions', { actions: [{ name: 'a', endpoint: 'https://example.com', routingType: 'Proxy, Cache' }] }],
    [
      'an association',
      { resourceTypes: [{ name: 'associations', endpoint: 'https://e.com', routingType: 'Proxy,Cache,Extension' }] },
    ],
    [
      'one name twice',
      {
        actions: [
          { name: 'a', endpoint: 'https://e.com' },
          { name: 'A', endpoint: 'https://e.com' },
        ],
      },
    ],
    [
      'a specification from anywhere',
      {
        actions: [{ name: 'a', endpoint: 'https://e.com' }],
        validations: [{ validationType: 'Swagger', specification: 'https://e.com' }],
      },
    ],
  ])('refuses a manifest with %s', async (_what, properties) => {
    const answer = await emulator.call('PUT', ID.replace(/public$/, 'wrong'), {
      query,
      body: { location: 'westeurope', properties },
    });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'InvalidCustomProviderManifest' } } });
  });

  it('is made by a template, which can ask its list… actions', async () => {
    endpoint.answer = (_request, response) => answerJson(response, 200, { keys: ['first'] });
    const template = aTemplate({
      resources: [
        {
          type: 'Microsoft.CustomProviders/resourceProviders',
          apiVersion: VERSION,
          name: 'made',
          location: '[resourceGroup().location]',
          properties: { actions: [{ name: 'listKeys', endpoint: `${endpoint.url}/keys` }] },
        },
      ],
      outputs: {
        key: {
          type: 'string',
          value: `[listKeys(resourceId('Microsoft.CustomProviders/resourceProviders', 'made'), '${VERSION}').keys[0]]`,
        },
      },
    });
    const path = `${GROUP}/providers/Microsoft.Resources/deployments/custom`;
    await emulator.call('PUT', path, { body: { properties: { mode: 'Incremental', template } } });
    await expect
      .poll(async () => (await emulator.call('GET', path)).body['properties'], { timeout: 20_000 })
      .toMatchObject({ provisioningState: 'Succeeded', outputs: { key: { value: 'first' } } });
    expect(endpoint.last.headers['x-ms-customproviders-requestpath']).toBe(
      `${GROUP}/providers/Microsoft.CustomProviders/resourceProviders/made/listKeys`,
    );
  });

  it('remembers kept resources over a restart and forgets them with the provider', async () => {
    endpoint.answer = (_request, response) => answerJson(response, 200, { properties: { size: 3 } });
    const other = ID.replace(/public$/, 'other');
    await client.resources.createOrUpdateById(other, VERSION, manifest());
    await emulator.call('PUT', `${other}/kept/one`, { query, body: {} });
    emulator = await emulator.restart();
    expect((await emulator.call('GET', `${other}/kept/one`, { query })).status).toBe(200);
    await emulator.call('DELETE', other, { query });
    await expect.poll(async () => (await emulator.call('GET', other, { query })).status, { timeout: 20_000 }).toBe(404);
    await emulator.call('PUT', other, { query, body: manifest() });
    await expect
      .poll(async () => (await emulator.call('GET', `${other}/kept`, { query })).body, { timeout: 20_000 })
      .toEqual({ value: [] });
  });
});
