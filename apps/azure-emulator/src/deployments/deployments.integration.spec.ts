import { DeploymentsClient, type Deployment } from '@azure/arm-resourcesdeployments';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { JsonObject } from '../arm/json';
import { systemPrincipal } from '../arm/principal';
import { sample, startTestEmulator, type TestEmulator } from '../emulator.builder';
import { managedIdentityProvider } from '../managed-identity/managed-identity.provider';
import { networkProvider } from '../network/network.provider';
import { aTemplate } from '../template-language/template.builders';
import type { JsonObject as TemplateObject } from '../template-language/json-value';
import { deploymentsProvider } from './deployments.provider';
import { gate, Gates } from './gates.builder';

const GROUP = 'sample';
const GROUP_ID = `/subscriptions/${sample.subscriptionId}/resourceGroups/${GROUP}`;

const identity = (name: string, more: TemplateObject = {}): TemplateObject => ({
  type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
  apiVersion: '2024-11-30',
  name,
  location: '[resourceGroup().location]',
  ...more,
});

describe('Microsoft.Resources/deployments through @azure/arm-resourcesdeployments', () => {
  const gates = new Gates();
  let emulator: TestEmulator;
  let client: DeploymentsClient;

  const connect = () => {
    const credential = emulator.credential(sample.owner, sample.tenantId);
    const credentials = { scopes: [`${emulator.endpoint}/.default`] };
    client = new DeploymentsClient(credential, sample.subscriptionId, { endpoint: emulator.endpoint, credentials });
  };

  beforeAll(async () => {
    emulator = await startTestEmulator({
      providers: [managedIdentityProvider, networkProvider, deploymentsProvider, gates.provider],
      environment: { EMULATOR_RETRY_AFTER_SECONDS: '0' },
    });
    connect();
  });

  afterAll(() => emulator.dispose());

  const body = (sections: TemplateObject, more: JsonObject = {}): Deployment => ({
    properties: { mode: 'Incremental', template: aTemplate(sections), ...more },
  });

  const deploy = (name: string, sections: TemplateObject, more?: JsonObject) =>
    client.deployments.createOrUpdate(GROUP, name, body(sections, more));

  const operationsOf = async (name: string) => {
    const found: Record<string, string | undefined> = {};
    for await (const { properties } of client.deploymentOperations.list(GROUP, name)) {
      found[properties?.targetResource?.resourceName ?? ''] = properties?.provisioningState;
    }
    return found;
  };

  it('makes resources in the order of their dependencies and shows outputs read from them', async () => {
    const result = await deploy(
      'first',
      {
        parameters: { prefix: { type: 'string' }, key: { type: 'securestring' } },
        resources: [
          {
            type: 'Microsoft.Network/virtualNetworks',
            apiVersion: '2024-05-01',
            name: "[concat(parameters('prefix'), '-vnet')]",
            location: '[resourceGroup().location]',
            tags: { principal: "[reference(concat(parameters('prefix'), '-identity')).principalId]" },
            properties: { addressSpace: { addressPrefixes: ['10.0.0.0/16'] } },
          },
          identity("[concat(parameters('prefix'), '-identity')]"),
        ],
        outputs: {
          principal: {
            type: 'string',
            value: "[reference(concat(parameters('prefix'), '-vnet'), '2024-05-01', 'Full').tags.principal]",
          },
          secret: { type: 'securestring', value: "[parameters('key')]" },
        },
      },
      { parameters: { prefix: { value: 'first' }, key: { value: 'hunter2' } } },
    );
    expect(result.properties).toMatchObject({
      provisioningState: 'Succeeded',
      mode: 'Incremental',
      parameters: { prefix: { type: 'String', value: 'first' }, key: { type: 'SecureString' } },
      outputs: {
        principal: { type: 'String', value: expect.stringMatching(/^[0-9a-f-]{36}$/) },
        secret: { type: 'SecureString' },
      },
      correlationId: expect.any(String),
      duration: expect.stringMatching(/^PT[\d.]+S$/),
    });
    expect(result.properties?.outputResources).toHaveLength(2);
    expect(JSON.stringify(await client.deployments.get(GROUP, 'first'))).not.toContain('hunter2');
    expect(await operationsOf('first')).toEqual({ 'first-vnet': 'Succeeded', 'first-identity': 'Succeeded' });
  });

  it('runs independent resources at the same time and dependent ones only afterwards', async () => {
    const poller = deploy('together', {
      resources: [gate('left'), gate('right'), gate('after', { dependsOn: ['left', 'right'] })],
    });
    await poller.submitted();
    await vi.waitFor(() => expect(gates.started).toEqual(expect.arrayContaining(['left', 'right'])));
    expect((await client.deployments.get(GROUP, 'together')).properties?.provisioningState).toBe('Running');
    gates.open('left');
    await vi.waitFor(async () => expect(await operationsOf('together')).toEqual({ left: 'Succeeded', right: 'Running' }));
    expect(gates.started).not.toContain('after');
    gates.open('right');
    await vi.waitFor(() => expect(gates.started).toContain('after'));
    gates.open('after');
    expect((await poller).properties?.provisioningState).toBe('Succeeded');
  });

  it('refuses to be replaced or deleted while it runs, and stops when it is cancelled', async () => {
    const poller = deploy('stopped', { resources: [gate('held'), gate('never', { dependsOn: ['held'] })] });
    await poller.submitted();
    await vi.waitFor(() => expect(gates.started).toContain('held'));
    await expect(deploy('stopped', {})).rejects.toMatchObject({ statusCode: 409, code: 'DeploymentActive' });
    await expect(client.deployments.delete(GROUP, 'stopped')).rejects.toMatchObject({ statusCode: 409 });
    await client.deployments.cancel(GROUP, 'stopped');
    await expect(Promise.resolve(poller)).rejects.toThrow();
    expect((await client.deployments.get(GROUP, 'stopped')).properties?.provisioningState).toBe('Canceled');
    expect(await operationsOf('stopped')).toEqual({ held: 'Canceled' });
    expect(gates.started).not.toContain('never');
    await expect(client.deployments.cancel(GROUP, 'stopped')).rejects.toMatchObject({ statusCode: 409 });
    gates.open('held');
  });

  it('takes nested deployments down with it when it is cancelled', async () => {
    const nested = {
      type: 'Microsoft.Resources/deployments',
      apiVersion: '2024-11-01',
      name: 'nested-stopped',
      properties: { mode: 'Incremental', template: aTemplate({ resources: [gate('deep')] }) },
    };
    await deploy('outer-stopped', { resources: [nested] }).submitted();
    await vi.waitFor(() => expect(gates.started).toContain('deep'));
    await client.deployments.cancel(GROUP, 'outer-stopped');
    const stateOf = async (name: string) => (await client.deployments.get(GROUP, name)).properties?.provisioningState;
    expect(await stateOf('outer-stopped')).toBe('Canceled');
    expect(await stateOf('nested-stopped')).toBe('Canceled');
  });

  it('goes on after a restart of the emulator without making anything twice', async () => {
    const poller = deploy('restarted', {
      resources: [
        identity('before'),
        gate('during', { dependsOn: ['before'] }),
        identity('afterwards', { dependsOn: ['during'] }),
      ],
    });
    await poller.submitted();
    await vi.waitFor(() => expect(gates.started).toContain('during'));
    const { correlationId } = (await client.deployments.get(GROUP, 'restarted')).properties ?? {};
    const made = await emulator.platform.resources.get(
      `${GROUP_ID}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/before`,
    );
    gates.started.length = 0;
    emulator = await emulator.restart();
    connect();
    await vi.waitFor(() => expect(gates.started).toContain('during'));
    gates.open('during');
    await vi.waitFor(async () =>
      expect((await client.deployments.get(GROUP, 'restarted')).properties?.provisioningState).toBe('Succeeded'),
    );
    expect((await client.deployments.get(GROUP, 'restarted')).properties?.correlationId).toBe(correlationId);
    const after = await emulator.platform.resources.get(
      `${GROUP_ID}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/before`,
    );
    expect(after?.etag).toBe(made?.etag);
    expect(await operationsOf('restarted')).toEqual({ before: 'Succeeded', during: 'Succeeded', afterwards: 'Succeeded' });
  });

  it('fails with the reason of the resource that failed, and begins nothing after it', async () => {
    const bad = {
      type: 'Microsoft.Network/virtualNetworks',
      apiVersion: '2024-05-01',
      name: 'bad',
      location: 'westeurope',
      properties: { addressSpace: { addressPrefixes: ['10.0.0.1/16'] } },
    };
    const failure = deploy('failing', { resources: [bad, identity('unreached', { dependsOn: ['bad'] })] });
    await expect(Promise.resolve(failure)).rejects.toThrow(/DeploymentFailed/);
    const { properties } = await client.deployments.get(GROUP, 'failing');
    expect(properties).toMatchObject({
      provisioningState: 'Failed',
      error: {
        code: 'DeploymentFailed',
        details: [{ code: 'InvalidCIDRNotation', target: expect.stringContaining('/virtualNetworks/bad') }],
      },
    });
    const operations = [];
    for await (const operation of client.deploymentOperations.list(GROUP, 'failing')) operations.push(operation.properties);
    expect(operations).toEqual([
      expect.objectContaining({
        provisioningState: 'Failed',
        statusMessage: expect.objectContaining({ error: expect.objectContaining({ code: 'InvalidCIDRNotation' }) }),
      }),
    ]);
  });

  it('makes each resource with the rights of its caller, not with those of the deployment', async () => {
    const { resourceGroups, resources } = emulator.platform;
    const group = resourceGroups.put(sample.subscriptionId, 'limited', { location: 'westeurope' });
    // May deploy, and only read identities.
    const operator = `/subscriptions/${sample.subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/f1a07417-d97a-45cb-824c-7a7467783830`;
    const assignment = `${group.id}/providers/Microsoft.Authorization/roleAssignments/66666666-0000-4000-8000-000000000001`;
    const properties = { principalId: sample.reader.objectId, roleDefinitionId: operator };
    await resources.put(assignment, { properties }, systemPrincipal);
    const caller = {
      ...sample.reader,
      tenantId: sample.tenantId,
      type: 'ServicePrincipal',
      applicationId: sample.reader.clientId,
    } as const;
    const id = `${group.id}/providers/Microsoft.Resources/deployments/limited`;
    const accepted = await resources.put(
      id,
      { ...body({ resources: [identity('forbidden')] }) },
      { ...caller, displayName: 'reader' },
    );
    const outcome = await emulator.platform.operations.waitFor(accepted.operationId ?? '');
    expect(outcome).toMatchObject({ status: 'Failed', error: { details: [{ code: 'AuthorizationFailed' }] } });
  });

  it.each<[string, TemplateObject, string, RegExp]>([
    ['an unknown function', { resources: [identity("[nope('x')]")] }, 'InvalidTemplate', /function 'nope' is not valid/],
    [
      'a missing parameter',
      { parameters: { p: { type: 'string' } } },
      'InvalidTemplate',
      /template parameter 'p' is not provided/,
    ],
    [
      'an unknown resource type',
      { resources: [{ type: 'Microsoft.Web/sites', apiVersion: '2024-01-01', name: 'x' }] },
      'InvalidTemplateDeployment',
      /Microsoft\.Web\/sites/,
    ],
    [
      'a cycle',
      { resources: [identity('a', { dependsOn: ['b'] }), identity('b', { dependsOn: ['a'] })] },
      'InvalidTemplate',
      /Circular dependency/,
    ],
  ])('refuses %s before anything is made, in validate too', async (_, sections, code, message) => {
    await expect(deploy('refused', sections)).rejects.toMatchObject({
      statusCode: 400,
      code,
      message: expect.stringMatching(message),
    });
    let answered = '';
    const onResponse = ({ bodyAsText }: { bodyAsText?: string | null }) => {
      answered = bodyAsText ?? '';
    };
    await expect(
      Promise.resolve(client.deployments.validate(GROUP, 'refused', body(sections), { onResponse })),
    ).rejects.toThrow();
    expect(JSON.parse(answered)).toMatchObject({ error: { code } });
    expect((await client.deployments.checkExistence(GROUP, 'refused')).body).toBe(false);
  });

  it('validates without making anything', async () => {
    const validated = await client.deployments.validate(GROUP, 'validated', body({ resources: [identity('not-made')] }));
    expect(validated.properties?.provisioningState).toBe('Succeeded');
    expect(
      await emulator.platform.resources.get(`${GROUP_ID}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/not-made`),
    ).toBeUndefined();
  });

  it('says what it would create, change, leave as it is and not touch, and shows no secret', async () => {
    const network = (name: string, prefix: string) => ({
      type: 'Microsoft.Network/virtualNetworks',
      apiVersion: '2024-05-01',
      name,
      location: 'West Europe',
      properties: {
        addressSpace: { addressPrefixes: [prefix] },
        subnets: [{ name: 's', properties: { addressPrefix: prefix } }],
      },
    });
    await deploy('what-was', {
      resources: [network('same', '10.1.0.0/16'), network('changed', '10.2.0.0/16'), identity('bystander')],
    });
    const sections = {
      parameters: { key: { type: 'securestring' } },
      resources: [
        network('same', '10.1.0.0/16'),
        network('changed', '10.3.0.0/16'),
        identity('created', { tags: { key: "[parameters('key')]" } }),
      ],
    };
    const answer = await client.deployments.whatIf(GROUP, 'what-if', {
      properties: { mode: 'Incremental', template: aTemplate(sections), parameters: { key: { value: 'hunter2' } } },
    });
    const changes = new Map(answer.changes?.map((change) => [change.resourceId?.split('/').at(-1), change]));
    expect(changes.get('same')?.changeType).toBe('NoChange');
    expect(changes.get('created')?.changeType).toBe('Create');
    expect(changes.get('bystander')?.changeType).toBe('Ignore');
    expect(changes.get('changed')).toMatchObject({
      changeType: 'Modify',
      delta: expect.arrayContaining([
        expect.objectContaining({ path: 'properties.addressSpace.addressPrefixes', propertyChangeType: 'Array' }),
      ]),
    });
    expect(JSON.stringify(answer)).not.toContain('hunter2');
  });

  it('runs nested deployments, also into another group, and reads their outputs', async () => {
    emulator.platform.resourceGroups.put(sample.subscriptionId, 'elsewhere', { location: 'northeurope' });
    const nested = {
      type: 'Microsoft.Resources/deployments',
      apiVersion: '2024-11-01',
      name: 'inner',
      resourceGroup: 'elsewhere',
      properties: {
        mode: 'Incremental',
        expressionEvaluationOptions: { scope: 'inner' },
        template: aTemplate({
          resources: [identity('nested')],
          outputs: { where: { type: 'string', value: '[resourceGroup().location]' } },
        }),
      },
    };
    const id = "[resourceId('elsewhere', 'Microsoft.Resources/deployments', 'inner')]";
    const result = await deploy('outer', {
      resources: [nested],
      outputs: { where: { type: 'string', value: `[reference(${id.slice(1, -1)}).outputs.where.value]` } },
    });
    expect(result.properties?.outputs).toEqual({ where: { type: 'String', value: 'northeurope' } });
    const made = await emulator.platform.resources.get(
      `${GROUP_ID.replace(GROUP, 'elsewhere')}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nested`,
    );
    expect(made?.location).toBe('northeurope');
  });

  it('in complete mode removes what the template does not mention', async () => {
    emulator.platform.resourceGroups.put(sample.subscriptionId, 'complete', { location: 'westeurope' });
    await client.deployments.createOrUpdate('complete', 'one', body({ resources: [identity('kept'), identity('surplus')] }));
    await client.deployments.createOrUpdate('complete', 'two', body({ resources: [identity('kept')] }, { mode: 'Complete' }));
    const left = emulator.platform.resources
      .listByGroup(sample.subscriptionId, 'complete')
      .filter(({ type }) => type.includes('Identit'));
    expect(left.map(({ name }) => name)).toEqual(['kept']);
  });

  it('takes the body that az sends, which is not JSON, and gives the template back', async () => {
    const token = await emulator.credential(sample.owner, sample.tenantId).getToken(`${emulator.endpoint}/.default`);
    const template = JSON.stringify(aTemplate({ resources: [] }), null, 2);
    const answer = await fetch(
      `${emulator.endpoint}${GROUP_ID}/providers/Microsoft.Resources/deployments/az?api-version=2022-09-01`,
      {
        method: 'PUT',
        headers: { authorization: `Bearer ${token.token}`, 'content-type': 'application/json' },
        body: `{"properties": {template: ${template.replace('{', '{ // from a file\n')}, "parameters": {}, "mode": "incremental"}}`,
      },
    );
    expect(answer.status).toBe(201);
    await vi.waitFor(async () =>
      expect((await client.deployments.get(GROUP, 'az')).properties?.provisioningState).toBe('Succeeded'),
    );
    expect((await client.deployments.exportTemplate(GROUP, 'az')).template).toMatchObject({ contentVersion: '1.0.0.0' });
  });

  it('can be listed, checked for and deleted, which deletes no resource', async () => {
    await deploy('forgotten', { resources: [identity('remaining')] });
    const names = [];
    for await (const { name } of client.deployments.listByResourceGroup(GROUP)) names.push(name);
    expect(names).toContain('forgotten');
    await client.deployments.delete(GROUP, 'forgotten');
    await expect(client.deployments.get(GROUP, 'forgotten')).rejects.toMatchObject({ statusCode: 404 });
    expect(
      await emulator.platform.resources.get(`${GROUP_ID}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/remaining`),
    ).toBeDefined();
  });
});
