import { StorageManagementClient } from '@azure/arm-storage';
import { AuthorizationManagementClient } from '@azure/arm-authorization';
import { BlobServiceClient, BlobSASPermissions, ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sample, startTestEmulator, type TestEmulator } from '../emulator.builder';

const BLOB_CONTRIBUTOR = '/providers/Microsoft.Authorization/roleDefinitions/ba92f5b4-2d11-453d-a403-e96b0029c9fe';

describe('Microsoft.Storage through @azure/arm-storage and @azure/storage-blob', () => {
  let emulator: TestEmulator;
  let client: StorageManagementClient;

  const connect = () => {
    const credential = emulator.credential(sample.owner, sample.tenantId);
    client = new StorageManagementClient(credential, sample.subscriptionId, { endpoint: emulator.endpoint });
  };

  beforeAll(async () => {
    emulator = await startTestEmulator();
    connect();
  });

  afterAll(() => emulator.dispose());

  const make = (name: string) =>
    client.storageAccounts.create('sample', name, { location: 'westeurope', kind: 'StorageV2', sku: { name: 'Standard_LRS' } });

  const sharedKeyClient = async (name: string): Promise<BlobServiceClient> => {
    const account = await client.storageAccounts.getProperties('sample', name);
    const keys = await client.storageAccounts.listKeys('sample', name);
    return new BlobServiceClient(
      account.primaryEndpoints?.blob ?? '',
      new StorageSharedKeyCredential(name, keys.keys?.[0]?.value ?? ''),
    );
  };

  const write = async (container: ContainerClient, text: string) => {
    await container.getBlockBlobClient('greeting').upload(text, Buffer.byteLength(text));
  };

  it('stores blobs of an account as soon as it was made', async () => {
    await make('storageone');
    const container = (await sharedKeyClient('storageone')).getContainerClient('data');
    await container.create();
    await write(container, 'hello');
    expect((await container.getBlobClient('greeting').downloadToBuffer()).toString()).toBe('hello');
    const listed = [];
    for await (const one of client.blobContainers.list('sample', 'storageone')) listed.push(one.name);
    expect(listed).toEqual(['data']);
  });

  it('shows a container that was made through Resource Manager to the data plane', async () => {
    await make('storagetwo');
    await client.blobContainers.create('sample', 'storagetwo', 'snapshots', {});
    const container = (await sharedKeyClient('storagetwo')).getContainerClient('snapshots');
    expect(await container.exists()).toBe(true);
    await client.blobContainers.delete('sample', 'storagetwo', 'snapshots');
    expect(await container.exists()).toBe(false);
  });

  it('refuses a wrong key and takes a signature made with the right one', async () => {
    await make('storagethree');
    const service = await sharedKeyClient('storagethree');
    const container = service.getContainerClient('data');
    await container.create();
    await write(container, 'signed');
    const wrong = new BlobServiceClient(
      service.url,
      new StorageSharedKeyCredential('storagethree', Buffer.from('wrong').toString('base64')),
    );
    // Azurite with bearer tokens on says 400 here; Azure says 403.
    await expect(wrong.getContainerClient('data').getProperties()).rejects.toMatchObject({ code: 'InvalidAuthenticationInfo' });
    const url = await container.getBlockBlobClient('greeting').generateSasUrl({
      permissions: BlobSASPermissions.parse('r'),
      expiresOn: new Date(Date.now() + 60_000),
    });
    expect(await (await fetch(url)).text()).toBe('signed');
  });

  it('takes a bearer token only from who has a role on the data', async () => {
    const account = await make('storagefour');
    await client.blobContainers.create('sample', 'storagefour', 'data', {});
    const service = new BlobServiceClient(
      account.primaryEndpoints?.blob ?? '',
      emulator.credential(sample.owner, sample.tenantId),
    );
    const container = service.getContainerClient('data');
    await expect(write(container, 'owner')).rejects.toMatchObject({ statusCode: 403, code: 'AuthorizationPermissionMismatch' });
    const roles = new AuthorizationManagementClient(emulator.credential(sample.owner, sample.tenantId), sample.subscriptionId, {
      endpoint: emulator.endpoint,
    });
    await roles.roleAssignments.create(account.id ?? '', 'aaaaaaaa-0000-4000-8000-000000000001', {
      roleDefinitionId: BLOB_CONTRIBUTOR,
      principalId: sample.owner.objectId,
    });
    await write(container, 'owner');
    expect((await container.getBlobClient('greeting').downloadToBuffer()).toString()).toBe('owner');
  });

  it('takes a link that was signed for a principal, for what the link allows and as long as it says', async () => {
    const account = await make('storagelinks');
    await client.blobContainers.create('sample', 'storagelinks', 'data', {});
    const roles = new AuthorizationManagementClient(emulator.credential(sample.owner, sample.tenantId), sample.subscriptionId, {
      endpoint: emulator.endpoint,
    });
    await roles.roleAssignments.create(account.id ?? '', 'aaaaaaaa-0000-4000-8000-000000000002', {
      roleDefinitionId: BLOB_CONTRIBUTOR,
      principalId: sample.owner.objectId,
    });
    const service = new BlobServiceClient(
      account.primaryEndpoints?.blob ?? '',
      emulator.credential(sample.owner, sample.tenantId),
    );
    const container = service.getContainerClient('data');
    await write(container, 'linked');
    const startsOn = new Date(Date.now() - 60_000);
    const inAnHour = new Date(Date.now() + 3_600_000);
    const key = await service.getUserDelegationKey(startsOn, inAnHour);
    const linkUntil = (expiresOn: Date) =>
      container
        .getBlobClient('greeting')
        .generateUserDelegationSasUrl({ permissions: BlobSASPermissions.parse('r'), startsOn, expiresOn }, key);
    const link = await linkUntil(inAnHour);
    expect(await (await fetch(link)).text()).toBe('linked');
    expect((await fetch(link, { method: 'DELETE', headers: { 'x-ms-version': '2025-01-05' } })).status).toBe(403);
    expect((await fetch(link.replace('greeting', 'another'))).status).toBe(403);
    expect((await fetch(await linkUntil(new Date(Date.now() - 30_000)))).status).toBe(403);
  });

  it('refuses a token for another audience on the data plane', async () => {
    const account = await make('storagefive');
    const { token } = await emulator.credential(sample.owner, sample.tenantId).getToken('https://management.azure.com/.default');
    const answer = await fetch(`${account.primaryEndpoints?.blob ?? ''}?comp=list`, {
      headers: { authorization: `Bearer ${token}`, 'x-ms-version': '2025-01-05' },
    });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('x-ms-error-code')).toBe('InvalidAuthenticationInfo');
  });

  it('removes the data with the account', async () => {
    await make('storagesix');
    await client.blobContainers.create('sample', 'storagesix', 'data', {});
    await client.storageAccounts.delete('sample', 'storagesix');
    await make('storagesix');
    const container = (await sharedKeyClient('storagesix')).getContainerClient('data');
    expect(await container.exists()).toBe(false);
  });

  it('keeps account names apart in all of Azure', async () => {
    await make('storageseven');
    const taken = await client.storageAccounts.checkNameAvailability({
      name: 'storageseven',
      type: 'Microsoft.Storage/storageAccounts',
    });
    expect(taken).toMatchObject({ nameAvailable: false, reason: 'AlreadyExists' });
    const free = await client.storageAccounts.checkNameAvailability({
      name: 'storageeight',
      type: 'Microsoft.Storage/storageAccounts',
    });
    expect(free.nameAvailable).toBe(true);
    await expect(make('Not-A-Name')).rejects.toMatchObject({ statusCode: 400, code: 'AccountNameInvalid' });
  });

  it('finds accounts, keys and blobs after a restart', async () => {
    await make('storagenine');
    const before = await client.storageAccounts.listKeys('sample', 'storagenine');
    const container = (await sharedKeyClient('storagenine')).getContainerClient('data');
    await container.create();
    await write(container, 'kept');
    emulator = await emulator.restart();
    connect();
    const after = await client.storageAccounts.listKeys('sample', 'storagenine');
    expect(after.keys).toEqual(before.keys);
    const again = (await sharedKeyClient('storagenine')).getContainerClient('data');
    expect((await again.getBlobClient('greeting').downloadToBuffer()).toString()).toBe('kept');
  });
});
