import { AuthorizationManagementClient } from '@azure/arm-authorization';
import { ResourceManagementClient } from '@azure/arm-resources';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemPrincipal } from '../arm/principal';
import { sample, startTestEmulator, type Identity, type TestEmulator } from '../emulator.builder';
import { managedIdentityProvider } from '../managed-identity/managed-identity.provider';

const role = (guid: string) =>
  `/subscriptions/${sample.subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${guid}`;
const CONTRIBUTOR = role('b24988ac-6180-42a0-ab88-20f7382dd24c');
const NETWORK_CONTRIBUTOR = role('4d97b98b-1d4f-4787-a291-c67834d212e7');
const ASSIGNMENT = 'bbbbbbbb-0000-4000-8000-00000000000';

describe('Microsoft.Authorization through @azure/arm-authorization', () => {
  let emulator: TestEmulator;
  let roles: AuthorizationManagementClient;
  let resources: ResourceManagementClient;

  beforeAll(async () => {
    emulator = await startTestEmulator({ providers: [managedIdentityProvider] });
    const credential = emulator.credential(sample.owner, sample.tenantId);
    roles = new AuthorizationManagementClient(credential, sample.subscriptionId, {
      $host: emulator.endpoint,
      endpoint: emulator.endpoint,
    });
    resources = new ResourceManagementClient(credential, sample.subscriptionId, { endpoint: emulator.endpoint });
  });

  afterAll(() => emulator.dispose());

  const asReader: Identity = { principal: sample.reader, tenantId: sample.tenantId };
  const groupId = (name: string) => `/subscriptions/${sample.subscriptionId}/resourceGroups/${name}`;
  const makeGroup = (name: string) => resources.resourceGroups.createOrUpdate(name, { location: 'westeurope' });
  const identity = (group: string, name: string) =>
    `${groupId(group)}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`;
  const putIdentity = (group: string, name: string, as = asReader) =>
    emulator.call('PUT', identity(group, name), { as, body: { location: 'westeurope' } });

  it('finds built-in roles by name', async () => {
    const found = [];
    for await (const one of roles.roleDefinitions.list(groupId('sample'), { filter: "roleName eq 'Owner'" })) found.push(one);
    expect(found).toMatchObject([{ name: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635', roleName: 'Owner', roleType: 'BuiltInRole' }]);
  });

  it('lets a reader read and says in Azure’s words that it may not write', async () => {
    expect((await emulator.call('GET', groupId('sample'), { as: asReader })).status).toBe(200);
    const refused = await putIdentity('sample', 'forbidden');
    expect(refused.status).toBe(403);
    expect(refused.body.error).toMatchObject({ code: 'AuthorizationFailed' });
    expect(refused.body.error?.message).toContain(
      `The client '${sample.reader.clientId}' with object id '${sample.reader.objectId}' does not have authorization to perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/write' over scope`,
    );
  });

  it('gives rights with an assignment, at its scope only, and takes them away with it', async () => {
    await makeGroup('group-granted');
    const name = `${ASSIGNMENT}1`;
    await roles.roleAssignments.create(groupId('group-granted'), name, {
      roleDefinitionId: CONTRIBUTOR,
      principalId: sample.reader.objectId,
    });
    expect((await putIdentity('group-granted', 'allowed')).status).toBe(201);
    expect((await putIdentity('sample', 'forbidden')).status).toBe(403);
    await roles.roleAssignments.delete(groupId('group-granted'), name);
    expect((await putIdentity('group-granted', 'allowed')).status).toBe(403);
  });

  it('lists what holds at a scope: from above, and from below unless asked not to', async () => {
    await makeGroup('group-listed');
    await roles.roleAssignments.create(groupId('group-listed'), `${ASSIGNMENT}2`, {
      roleDefinitionId: NETWORK_CONTRIBUTOR,
      principalId: sample.reader.objectId,
    });
    const list = async (filter: string) => {
      const found = [];
      for await (const one of roles.roleAssignments.listForScope(`/subscriptions/${sample.subscriptionId}`, { filter }))
        found.push(one.name);
      return found;
    };
    expect(await list(`principalId eq '${sample.reader.objectId}'`)).toContain(`${ASSIGNMENT}2`);
    expect(await list(`atScope()`)).not.toContain(`${ASSIGNMENT}2`);
  });

  it('refuses an assignment twice, of an unknown role, and to a principal of another tenant', async () => {
    await makeGroup('group-twice');
    const create = (name: string, roleDefinitionId: string, principalId: string) =>
      roles.roleAssignments.create(groupId('group-twice'), name, { roleDefinitionId, principalId });
    await create(`${ASSIGNMENT}3`, CONTRIBUTOR, sample.reader.objectId);
    await expect(create(`${ASSIGNMENT}4`, CONTRIBUTOR, sample.reader.objectId)).rejects.toMatchObject({
      statusCode: 409,
      code: 'RoleAssignmentExists',
    });
    await expect(create(`${ASSIGNMENT}5`, role(`${ASSIGNMENT}0`), sample.reader.objectId)).rejects.toMatchObject({
      code: 'RoleDefinitionDoesNotExist',
    });
    await expect(create(`${ASSIGNMENT}6`, CONTRIBUTOR, sample.publisher.objectId)).rejects.toMatchObject({
      code: 'PrincipalNotFound',
    });
    await expect(create('no-guid', CONTRIBUTOR, sample.reader.objectId)).rejects.toMatchObject({
      code: 'InvalidRoleAssignmentId',
    });
  });

  it('denies by a deny assignment what a role allows, but for those whom it excludes', async () => {
    await makeGroup('group-denied');
    emulator.platform.denyAssignments.put({
      name: 'cccccccc-0000-4000-8000-000000000001',
      scope: groupId('group-denied'),
      displayName: 'Managed application',
      description: 'The publisher manages this group.',
      actions: ['*'],
      notActions: ['*/read'],
      principals: 'everyone',
      excludePrincipals: [sample.publisher.objectId],
    });
    const asOwner = { principal: sample.owner, tenantId: sample.tenantId };
    const refused = await putIdentity('group-denied', 'denied', asOwner);
    expect(refused.status).toBe(403);
    expect(refused.body.error).toMatchObject({ code: 'DenyAssignmentAuthorizationFailed' });
    expect(refused.body.error?.message).toContain(
      "the access is denied because of the deny assignment with name 'Managed application'",
    );
    expect((await emulator.call('GET', groupId('group-denied'), { as: asOwner })).status).toBe(200);
    await emulator.platform.resources.put(
      `${groupId('group-denied')}/providers/Microsoft.Authorization/roleAssignments/${ASSIGNMENT}7`,
      { properties: { roleDefinitionId: CONTRIBUTOR, principalId: sample.publisher.objectId } },
      systemPrincipal,
    );
    const asPublisher = { principal: sample.publisher, tenantId: sample.publisherTenantId };
    expect((await putIdentity('group-denied', 'allowed', asPublisher)).status).toBe(201);
    const shown = [];
    for await (const one of roles.denyAssignments.listForScope(groupId('group-denied'))) shown.push(one.denyAssignmentName);
    expect(shown).toEqual(['Managed application']);
  });

  it('has no way for a customer to remove a deny assignment', async () => {
    const id = `${groupId('group-denied')}/providers/Microsoft.Authorization/denyAssignments/cccccccc-0000-4000-8000-000000000001`;
    expect((await emulator.call('DELETE', id)).status).toBe(405);
  });

  it('refuses a deletion under a CanNotDelete lock until the lock is gone, and every change under ReadOnly', async () => {
    await makeGroup('group-locked');
    await putIdentity('group-locked', 'held', { principal: sample.owner, tenantId: sample.tenantId });
    const lockId = `${identity('group-locked', 'held')}/providers/Microsoft.Authorization/locks/keep`;
    await emulator.call('PUT', lockId, { body: { properties: { level: 'CanNotDelete', notes: 'keep it' } } });
    for (const target of [identity('group-locked', 'held'), groupId('group-locked')]) {
      const refused = await emulator.call('DELETE', target);
      expect(refused.status).toBe(409);
      expect(refused.body.error).toMatchObject({ code: 'ScopeLocked' });
    }
    expect((await emulator.call('PATCH', identity('group-locked', 'held'), { body: { tags: { a: 'b' } } })).status).toBe(200);
    await emulator.call('PUT', lockId, { body: { properties: { level: 'ReadOnly' } } });
    expect((await emulator.call('PATCH', identity('group-locked', 'held'), { body: { tags: {} } })).body.error?.code).toBe(
      'ScopeLocked',
    );
    expect((await emulator.call('DELETE', lockId)).status).toBe(200);
    expect((await emulator.call('DELETE', identity('group-locked', 'held'))).status).toBe(200);
  });

  it('refuses a lock of another level', async () => {
    const id = `${groupId('sample')}/providers/Microsoft.Authorization/locks/odd`;
    const refused = await emulator.call('PUT', id, { body: { properties: { level: 'Loose' } } });
    expect(refused.body.error?.code).toBe('LockLevelInvalid');
  });
});
