import { ApplicationClient, type Application } from '@azure/arm-managedapplications';
import { ManagedServiceIdentityClient } from '@azure/arm-msi';
import { hours } from '@managed-consul/config';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JsonObject } from '../arm/json';
import { deploymentsProvider } from '../deployments/deployments.provider';
import { gate, Gates } from '../deployments/gates.builder';
import { sample, startTestEmulator, type TestEmulator } from '../emulator.builder';
import { managedIdentityProvider } from '../managed-identity/managed-identity.provider';
import type { JsonObject as TemplateObject } from '../template-language/json-value';
import { aTemplate } from '../template-language/template.builders';
import { managedApplicationsProvider } from './managed-applications.provider';
import { NotificationReceiver } from './notification.receiver';

const GROUP = 'sample';
const SUBSCRIPTION = `/subscriptions/${sample.subscriptionId}`;
const OWNER_ROLE = '8e3af657-a8ff-443c-a75c-2fe8c4bcb635';
const PLAN = { publisher: 'managed-consul', product: 'consul', name: 'on-demand', version: '1.0.0' };

const mainTemplate = aTemplate({
  parameters: { clusterName: { type: 'string', maxLength: 12 }, key: { type: 'securestring', defaultValue: 'none' } },
  resources: [
    {
      type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
      apiVersion: '2024-11-30',
      name: "[parameters('clusterName')]",
      location: '[resourceGroup().location]',
    },
  ],
  outputs: { name: { type: 'string', value: "[parameters('clusterName')]" } },
});

describe('Microsoft.Solutions through @azure/arm-managedapplications', () => {
  let emulator: TestEmulator;
  let receiver: NotificationReceiver;
  let customer: ApplicationClient;
  let definitionId: string;
  const gates = new Gates();

  const connect = () => {
    const credential = emulator.credential(sample.owner, sample.tenantId);
    customer = new ApplicationClient(credential, sample.subscriptionId, {
      $host: emulator.endpoint,
      endpoint: emulator.endpoint,
    });
  };

  const definition = (more: TemplateObject = {}) => ({
    lockLevel: 'ReadOnly' as const,
    displayName: 'Managed Consul',
    authorizations: [{ principalId: sample.publisher.objectId, roleDefinitionId: OWNER_ROLE }],
    mainTemplate,
    notificationPolicy: { notificationEndpoints: [{ uri: receiver.uri }] },
    lockingPolicy: { allowedActions: ['Microsoft.ManagedIdentity/userAssignedIdentities/write'], allowedDataActions: [] },
    ...more,
  });

  beforeAll(async () => {
    receiver = await NotificationReceiver.open();
    emulator = await startTestEmulator({
      providers: [managedIdentityProvider, deploymentsProvider, managedApplicationsProvider, gates.provider],
      environment: { EMULATOR_RETRY_AFTER_SECONDS: '0' },
    });
    connect();
    const made = await customer.applicationDefinitions.createOrUpdate(GROUP, 'consul', {
      location: 'westeurope',
      ...definition(),
    });
    definitionId = made.id ?? '';
  });

  afterAll(async () => {
    await emulator.dispose();
    await receiver.close();
  });

  beforeEach(() => {
    receiver.answer = () => 200;
  });

  const application = (name: string, parameters: JsonObject = {}): Application => ({
    location: 'westeurope',
    kind: 'ServiceCatalog',
    applicationDefinitionId: definitionId,
    managedResourceGroupId: `${SUBSCRIPTION}/resourceGroups/${name}-managed`,
    parameters: { clusterName: { value: name }, ...parameters },
  });

  const make = (name: string, more: Partial<Application> = {}, parameters?: JsonObject) =>
    customer.applications.beginCreateOrUpdateAndWait(GROUP, name, { ...application(name, parameters), ...more });

  it('makes the managed group, deploys into it, and tells the publisher at both ends', async () => {
    const made = await make('hello', {}, { key: { value: 'hunter2' } });
    expect(made).toMatchObject({
      provisioningState: 'Succeeded',
      publisherTenantId: sample.tenantId,
      createdBy: { oid: sample.owner.objectId, applicationId: sample.owner.clientId },
      billingDetails: { resourceUsageId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      outputs: { name: { type: 'String', value: 'hello' } },
      parameters: { clusterName: { value: 'hello' }, key: { type: 'SecureString' } },
    });
    const group = emulator.platform.resourceGroups.find(sample.subscriptionId, 'hello-managed');
    expect(group).toMatchObject({ managedBy: made.id, location: 'westeurope' });
    const identity = `${group?.id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/hello`;
    expect(await emulator.platform.resources.get(identity)).toBeDefined();
    await vi.waitFor(() => expect(receiver.eventsOf('hello')).toEqual(['PUT/Accepted', 'PUT/Succeeded']));
    const [first] = receiver.received;
    expect(first?.path).toBe('/notifications/resource?sig=abc');
    expect(first?.body).toMatchObject({
      applicationId: made.id,
      applicationDefinitionId: definitionId,
      eventTime: expect.any(String),
    });
    expect(JSON.stringify(receiver.received)).not.toContain('hunter2');
  });

  it('lets the publisher work in the managed group from its own tenant, and the customer only read and do what is allowed', async () => {
    await make('locked');
    const reach = (principal: typeof sample.publisher | typeof sample.owner, tenantId: string) =>
      new ManagedServiceIdentityClient(emulator.credential(principal, tenantId), sample.subscriptionId, {
        endpoint: emulator.endpoint,
      });
    const publisher = reach(sample.publisher, sample.publisherTenantId);
    const owner = reach(sample.owner, sample.tenantId);
    const made = await publisher.userAssignedIdentities.createOrUpdate('locked-managed', 'by-publisher', {
      location: 'westeurope',
    });
    expect(made.name).toBe('by-publisher');
    expect((await owner.userAssignedIdentities.get('locked-managed', 'by-publisher')).name).toBe('by-publisher');
    await owner.userAssignedIdentities.createOrUpdate('locked-managed', 'allowed', { location: 'westeurope' });
    await expect(owner.userAssignedIdentities.delete('locked-managed', 'by-publisher')).rejects.toMatchObject({
      statusCode: 403,
      code: 'DenyAssignmentAuthorizationFailed',
    });
    await expect(publisher.userAssignedIdentities.get(GROUP, 'anything')).rejects.toMatchObject({ statusCode: 403 });
  });

  it('lets the publisher read the application from its own tenant, and do no more with it, until it is gone', async () => {
    const made = await make('readable');
    const credential = emulator.credential(sample.publisher, sample.publisherTenantId);
    const options = { $host: emulator.endpoint, endpoint: emulator.endpoint };
    const publisher = new ApplicationClient(credential, sample.subscriptionId, options);
    expect((await publisher.applications.get(GROUP, 'readable')).id).toBe(made.id);
    await expect(publisher.applications.beginDeleteAndWait(GROUP, 'readable')).rejects.toMatchObject({ statusCode: 403 });
    await customer.applications.beginDeleteAndWait(GROUP, 'readable');
    expect(emulator.platform.resources.listByType('Microsoft.Authorization/roleAssignments', made.id ?? '')).toEqual([]);
  });

  it('tells of a change of tags, and of a deletion that takes the managed group with it', async () => {
    await make('short-lived');
    await customer.applications.beginUpdateAndWait(GROUP, 'short-lived', { parameters: { tags: { owner: 'tests' } } });
    expect((await customer.applications.get(GROUP, 'short-lived')).tags).toEqual({ owner: 'tests' });
    await customer.applications.beginDeleteAndWait(GROUP, 'short-lived');
    expect(emulator.platform.resourceGroups.find(sample.subscriptionId, 'short-lived-managed')).toBeUndefined();
    // This client takes a 404 for an answer.
    expect((await customer.applications.get(GROUP, 'short-lived')).id).toBeUndefined();
    await vi.waitFor(() =>
      expect(receiver.eventsOf('short-lived')).toEqual([
        'PUT/Accepted',
        'PUT/Succeeded',
        'PATCH/Succeeded',
        'DELETE/Deleting',
        'DELETE/Deleted',
      ]),
    );
  });

  it('fails with the reason of the deployment, tells it, gives no billing id, and can be deleted', async () => {
    await expect(make('much-too-long')).rejects.toThrow(/ApplianceDeploymentFailed/);
    const failed = await customer.applications.get(GROUP, 'much-too-long');
    expect(failed.provisioningState).toBe('Failed');
    expect(failed.billingDetails).toBeUndefined();
    await vi.waitFor(() => expect(receiver.eventsOf('much-too-long')).toEqual(['PUT/Accepted', 'PUT/Failed']));
    expect(receiver.received.at(-1)?.body).toMatchObject({
      error: { code: 'ApplianceDeploymentFailed', details: [{ code: 'InvalidTemplate' }] },
    });
    await customer.applications.beginDeleteAndWait(GROUP, 'much-too-long');
    expect(emulator.platform.resourceGroups.find(sample.subscriptionId, 'much-too-long-managed')).toBeUndefined();
  });

  it('finds the definition of a Marketplace order by its plan and bills it by the usage id', async () => {
    const id = `${SUBSCRIPTION}/resourceGroups/${GROUP}/providers/Microsoft.Solutions/applicationDefinitions/marketplace`;
    const caller = {
      objectId: sample.owner.objectId,
      tenantId: sample.tenantId,
      type: 'ServicePrincipal',
      applicationId: sample.owner.clientId,
      displayName: 'owner',
    } as const;
    await emulator.platform.resources.put(id, { location: 'westeurope', plan: PLAN, properties: definition() }, caller);
    const order = { kind: 'MarketPlace', plan: PLAN, applicationDefinitionId: undefined };
    const made = await make('ordered', order);
    await vi.waitFor(() => expect(receiver.eventsOf('ordered')).toEqual(['PUT/Accepted', 'PUT/Succeeded']));
    const last = receiver.received.at(-1)?.body;
    expect(last).toMatchObject({ plan: PLAN, billingDetails: { resourceUsageId: made.billingDetails?.resourceUsageId } });
    expect(last).not.toHaveProperty('applicationDefinitionId');
    await expect(make('unknown', { ...order, plan: { ...PLAN, name: 'nope' } })).rejects.toMatchObject({ statusCode: 404 });
  });

  it.each<[string, Partial<Application>, string]>([
    ['another kind', { kind: 'Other' }, 'InvalidApplicationKind'],
    ['no definition', { applicationDefinitionId: undefined }, 'ApplicationDefinitionIdRequired'],
    [
      'a managed group elsewhere',
      { managedResourceGroupId: `/subscriptions/${sample.otherSubscriptionId}/resourceGroups/x` },
      'ApplicationManagedResourceGroupSubscriptionMismatch',
    ],
    [
      'its own group as managed group',
      { managedResourceGroupId: `${SUBSCRIPTION}/resourceGroups/${GROUP}` },
      'InvalidManagedResourceGroupId',
    ],
    ['no plan in the Marketplace', { kind: 'MarketPlace' }, 'PlanRequired'],
  ])('refuses %s', async (_, more, code) => {
    await expect(make('refused', more)).rejects.toMatchObject({ statusCode: 400, code });
  });

  it('refuses a managed group that exists, and to change the one it has', async () => {
    await make('settled');
    await expect(
      make('squatter', { managedResourceGroupId: `${SUBSCRIPTION}/resourceGroups/settled-managed` }),
    ).rejects.toMatchObject({
      statusCode: 409,
      code: 'ManagedResourceGroupAlreadyExists',
    });
    await expect(make('settled', { managedResourceGroupId: `${SUBSCRIPTION}/resourceGroups/other` })).rejects.toMatchObject({
      statusCode: 400,
    });
  });

  it('gives tokens of its identity and of no other', async () => {
    const credential = emulator.credential(sample.owner, sample.tenantId);
    const identities = new ManagedServiceIdentityClient(credential, sample.subscriptionId, { endpoint: emulator.endpoint });
    const own = await identities.userAssignedIdentities.createOrUpdate(GROUP, 'own', { location: 'westeurope' });
    await make('with-tokens', { identity: { type: 'UserAssigned', userAssignedIdentities: { [own.id ?? '']: {} } } });
    const { value } = await customer.applications.listTokens(GROUP, 'with-tokens', { authorizationAudience: sample.audience });
    expect(value).toEqual([
      expect.objectContaining({ accessToken: expect.any(String), resourceId: own.id, tokenType: 'Bearer' }),
    ]);
    const foreign = { userAssignedIdentities: [`${own.id}-other`] };
    await expect(customer.applications.listTokens(GROUP, 'with-tokens', foreign)).rejects.toMatchObject({ statusCode: 400 });
  });

  it('gives publishers that a definition gained later their role when permissions are refreshed', async () => {
    await make('refreshed');
    const late = { principalId: sample.stranger.objectId, roleDefinitionId: OWNER_ROLE };
    const changed = { location: 'westeurope', ...definition() };
    await customer.applicationDefinitions.createOrUpdate(GROUP, 'consul', {
      ...changed,
      authorizations: [...changed.authorizations, late],
    });
    const stranger = new ManagedServiceIdentityClient(
      emulator.credential(sample.stranger, sample.otherTenantId),
      sample.subscriptionId,
      { endpoint: emulator.endpoint },
    );
    await expect(stranger.userAssignedIdentities.get('refreshed-managed', 'refreshed')).rejects.toMatchObject({
      statusCode: 401,
    });
    await customer.applications.beginRefreshPermissionsAndWait(GROUP, 'refreshed');
    expect((await stranger.userAssignedIdentities.get('refreshed-managed', 'refreshed')).name).toBe('refreshed');
  });

  describe('an order that takes long', () => {
    const begin = async (name: string) => {
      const { id } = await customer.applicationDefinitions.createOrUpdate(GROUP, `slow-${name}`, {
        location: 'westeurope',
        ...definition({ mainTemplate: aTemplate({ resources: [gate(name)] }) }),
      });
      const order = { ...application(name), applicationDefinitionId: id, parameters: {} };
      await customer.applications.beginCreateOrUpdate(GROUP, name, order);
      await vi.waitFor(() => expect(gates.started).toContain(name));
    };

    it('is overtaken by its deletion', async () => {
      await begin('overtaken');
      await customer.applications.beginDeleteAndWait(GROUP, 'overtaken');
      expect(emulator.platform.resourceGroups.find(sample.subscriptionId, 'overtaken-managed')).toBeUndefined();
      await vi.waitFor(() =>
        expect(receiver.eventsOf('overtaken')).toEqual(['PUT/Accepted', 'DELETE/Deleting', 'DELETE/Deleted']),
      );
    });

    it('goes on after a restart of the emulator and is told of once', async () => {
      await begin('interrupted');
      gates.started.length = 0;
      emulator = await emulator.restart();
      connect();
      await vi.waitFor(() => expect(gates.started).toContain('interrupted'));
      gates.open('interrupted');
      await vi.waitFor(() => expect(receiver.eventsOf('interrupted')).toEqual(['PUT/Accepted', 'PUT/Succeeded']));
      expect((await customer.applications.get(GROUP, 'interrupted')).provisioningState).toBe('Succeeded');
    });
  });

  describe('notifications', () => {
    it('are repeated while the receiver is busy or broken, and keep their order', async () => {
      const answers = [503, 429, 500];
      receiver.answer = () => answers.shift() ?? 200;
      await make('busy');
      await vi.waitFor(
        () => {
          emulator.clock.advance(1000);
          expect(receiver.eventsOf('busy')).toEqual(['PUT/Accepted', 'PUT/Succeeded']);
        },
        { timeout: 10_000 },
      );
    });

    it('are not repeated when the receiver refuses them', async () => {
      receiver.answer = () => 404;
      const before = receiver.calls;
      await make('refusing');
      await vi.waitFor(() => expect(receiver.calls).toBe(before + 2));
      receiver.answer = () => 200;
      await make('accepting');
      await vi.waitFor(() => expect(receiver.eventsOf('accepting')).toEqual(['PUT/Accepted', 'PUT/Succeeded']));
      expect(receiver.eventsOf('refusing')).toEqual([]);
    });

    it('outlive a restart of the emulator', async () => {
      receiver.answer = () => 503;
      const before = receiver.calls;
      await make('patient');
      await vi.waitFor(() => expect(receiver.calls).toBeGreaterThan(before));
      emulator = await emulator.restart();
      connect();
      receiver.answer = () => 200;
      emulator.clock.advance(hours(0.5));
      await vi.waitFor(() => expect(receiver.eventsOf('patient')).toEqual(['PUT/Accepted', 'PUT/Succeeded']), {
        timeout: 10_000,
      });
    });

    it('are dropped after ten hours', async () => {
      receiver.answer = () => 503;
      const before = receiver.calls;
      await make('lost');
      await vi.waitFor(() => expect(receiver.calls).toBeGreaterThan(before));
      emulator.clock.advance(hours(11));
      await vi.waitFor(() => expect(receiver.calls).toBeGreaterThanOrEqual(before + 3));
      receiver.answer = () => 200;
      // The tokens of the time before have expired.
      connect();
      await make('later');
      await vi.waitFor(() => expect(receiver.eventsOf('later')).toEqual(['PUT/Accepted', 'PUT/Succeeded']));
      expect(receiver.eventsOf('lost')).toEqual([]);
    });
  });
});
