import { ResourceManagementClient } from '@azure/arm-resources';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sample, startTestEmulator, type TestEmulator } from '../emulator.builder';
import { managedIdentityProvider } from '../managed-identity/managed-identity.provider';

describe('Microsoft.Resources through @azure/arm-resources', () => {
  let emulator: TestEmulator;
  let client: ResourceManagementClient;

  beforeAll(async () => {
    emulator = await startTestEmulator({ providers: [managedIdentityProvider] });
    const credential = emulator.credential(sample.owner, sample.tenantId);
    client = new ResourceManagementClient(credential, sample.subscriptionId, { endpoint: emulator.endpoint });
  });

  afterAll(() => emulator.dispose());

  const identityId = (group: string, name: string) =>
    `/subscriptions/${sample.subscriptionId}/resourceGroups/${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`;

  const makeIdentity = (group: string, name: string, tags: Record<string, string> = {}) =>
    client.resources.createOrUpdateById(identityId(group, name), '2024-11-30', { location: 'westeurope', tags });

  const collect = async <Item>(pages: AsyncIterable<Item>): Promise<Item[]> => {
    const items: Item[] = [];
    for await (const item of pages) items.push(item);
    return items;
  };

  it('finds the group of the seed with its tags', async () => {
    expect(await client.resourceGroups.get('SAMPLE')).toMatchObject({
      name: 'sample',
      location: 'westeurope',
      tags: { purpose: 'tests' },
      type: 'Microsoft.Resources/resourceGroups',
    });
  });

  it('makes a group, replaces its tags on PUT and PATCH, and says whether it exists', async () => {
    await client.resourceGroups.createOrUpdate('group-one', { location: 'North Europe', tags: { first: '1' } });
    await client.resourceGroups.createOrUpdate('group-one', { location: 'northeurope', tags: { second: '2' } });
    expect((await client.resourceGroups.get('group-one')).tags).toEqual({ second: '2' });
    await client.resourceGroups.update('group-one', { tags: { third: '3' } });
    expect((await client.resourceGroups.get('group-one')).tags).toEqual({ third: '3' });
    expect((await client.resourceGroups.checkExistence('group-one')).body).toBe(true);
    expect((await client.resourceGroups.checkExistence('group-none')).body).toBe(false);
  });

  it('refuses to move a group, and a region that the subscription does not have', async () => {
    await client.resourceGroups.createOrUpdate('group-two', { location: 'westeurope' });
    await expect(client.resourceGroups.createOrUpdate('group-two', { location: 'northeurope' })).rejects.toMatchObject({
      statusCode: 409,
      code: 'InvalidResourceGroupLocation',
    });
    await expect(client.resourceGroups.createOrUpdate('group-three', { location: 'mars' })).rejects.toMatchObject({
      code: 'LocationNotAvailableForResourceType',
    });
  });

  it('keeps who manages a group when a later PUT does not say it', async () => {
    const managedBy = `/subscriptions/${sample.subscriptionId}/resourceGroups/sample/providers/Microsoft.Solutions/applications/one`;
    await client.resourceGroups.createOrUpdate('group-managed', { location: 'westeurope', managedBy });
    await client.resourceGroups.createOrUpdate('group-managed', { location: 'westeurope', tags: { changed: 'yes' } });
    expect(await client.resourceGroups.get('group-managed')).toMatchObject({ managedBy, tags: { changed: 'yes' } });
  });

  it('deletes everything in a group with the group', async () => {
    await client.resourceGroups.createOrUpdate('group-four', { location: 'westeurope' });
    await makeIdentity('group-four', 'identity-one');
    await makeIdentity('group-four', 'identity-two');
    await client.resourceGroups.delete('group-four');
    await expect(client.resourceGroups.get('group-four')).rejects.toMatchObject({
      statusCode: 404,
      code: 'ResourceGroupNotFound',
    });
    await client.resourceGroups.createOrUpdate('group-four', { location: 'westeurope' });
    expect(await collect(client.resources.listByResourceGroup('group-four'))).toEqual([]);
  });

  it('lists resources by type, group and tag, and refuses a filter that it does not know', async () => {
    await client.resourceGroups.createOrUpdate('group-five', { location: 'westeurope' });
    await makeIdentity('group-five', 'listed-one', { cluster: 'a' });
    await makeIdentity('group-five', 'listed-two', { cluster: 'b' });
    const names = async (filter: string) => (await collect(client.resources.list({ filter }))).map(({ name }) => name).sort();
    expect(await names("tagName eq 'cluster' and tagValue eq 'b'")).toEqual(['listed-two']);
    expect(await names("resourceGroup eq 'GROUP-FIVE'")).toEqual(['listed-one', 'listed-two']);
    expect(await names("resourceType eq 'Microsoft.Compute/virtualMachines'")).toEqual([]);
    await expect(names("substringof('one', name)")).rejects.toMatchObject({
      statusCode: 400,
      code: 'InvalidFilterInQueryString',
    });
  });

  it('changes the tags of a resource on their own', async () => {
    await makeIdentity('sample', 'tagged', { first: '1', second: '2' });
    const scope = identityId('sample', 'tagged');
    await client.tagsOperations.updateAtScope(scope, { operation: 'Merge', properties: { tags: { third: '3' } } });
    expect((await client.tagsOperations.getAtScope(scope)).properties.tags).toEqual({ first: '1', second: '2', third: '3' });
    await client.tagsOperations.updateAtScope(scope, { operation: 'Delete', properties: { tags: { first: '1' } } });
    expect((await client.resources.getById(scope, '2024-11-30')).tags).toEqual({ second: '2', third: '3' });
    await client.tagsOperations.createOrUpdateAtScope(scope, { properties: { tags: { only: 'this' } } });
    expect((await client.resources.getById(scope, '2024-11-30')).tags).toEqual({ only: 'this' });
    await client.tagsOperations.deleteAtScope(scope);
    expect((await client.resources.getById(scope, '2024-11-30')).tags).toEqual({});
  });

  it('describes providers and registers them', async () => {
    expect((await client.providers.get('microsoft.managedidentity')).registrationState).toBe('NotRegistered');
    expect((await client.providers.register('Microsoft.ManagedIdentity')).registrationState).toBe('Registered');
    const provider = await client.providers.get('Microsoft.ManagedIdentity');
    expect(provider.resourceTypes?.[0]).toMatchObject({ resourceType: 'userAssignedIdentities' });
    expect(provider.resourceTypes?.[0]?.apiVersions).toContain('2024-11-30');
    await expect(client.providers.get('Microsoft.Nothing')).rejects.toMatchObject({ code: 'InvalidResourceNamespace' });
  });

  it('shows each caller only the subscriptions and groups in which it has a role', async () => {
    const asStranger = { principal: sample.stranger, tenantId: sample.otherTenantId };
    const seen = await emulator.call('GET', '/subscriptions', { as: asStranger });
    expect((seen.body['value'] as { subscriptionId: string }[]).map(({ subscriptionId }) => subscriptionId)).toEqual([
      sample.otherSubscriptionId,
    ]);
    const foreign = await emulator.call('GET', `/subscriptions/${sample.subscriptionId}/resourceGroups/sample`, {
      as: asStranger,
    });
    expect(foreign.status).toBe(401);
  });
});
