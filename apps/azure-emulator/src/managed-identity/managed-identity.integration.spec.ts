import { ManagedServiceIdentityClient } from '@azure/arm-msi';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sample, startTestEmulator, type TestEmulator } from '../emulator.builder';

describe('Microsoft.ManagedIdentity through @azure/arm-msi', () => {
  let emulator: TestEmulator;
  let client: ManagedServiceIdentityClient;

  beforeAll(async () => {
    emulator = await startTestEmulator();
    const credential = emulator.credential(sample.owner, sample.tenantId);
    client = new ManagedServiceIdentityClient(credential, sample.subscriptionId, { endpoint: emulator.endpoint });
  });

  afterAll(() => emulator.dispose());

  const make = (name: string) =>
    client.userAssignedIdentities.createOrUpdate('sample', name, { location: 'West Europe', tags: { owner: 'tests' } });

  it('makes an identity with a principal that a second PUT does not change', async () => {
    const first = await make('identity-one');
    const second = await make('IDENTITY-ONE');
    expect(first).toMatchObject({
      name: 'identity-one',
      location: 'westeurope',
      tags: { owner: 'tests' },
      tenantId: sample.tenantId,
    });
    expect(second.principalId).toBe(first.principalId);
    expect(second.clientId).toBe(first.clientId);
    expect(second.name).toBe('identity-one');
  });

  it('gives the identity tokens that name its resource', async () => {
    const identity = await make('identity-two');
    const identityResourceId = identity.id ?? '';
    const issued = await emulator.platform.tokens.issueForManagedIdentity({ identityResourceId, audience: sample.audience });
    expect(decodeJwt(issued.accessToken)).toMatchObject({
      aud: sample.audience,
      iss: `https://sts.windows.net/${sample.tenantId}/`,
      oid: identity.principalId,
      appid: identity.clientId,
      tid: sample.tenantId,
      xms_mirid: identityResourceId,
      ver: '1.0',
    });
  });

  it('gives no token for an audience that nobody registered', async () => {
    const identity = await make('identity-three');
    const request = { identityResourceId: identity.id ?? '', audience: 'api://nobody' };
    await expect(emulator.platform.tokens.issueForManagedIdentity(request)).rejects.toMatchObject({ code: 'invalid_resource' });
  });

  it('forgets the principal with the identity', async () => {
    const identity = await make('identity-four');
    await client.userAssignedIdentities.delete('sample', 'identity-four');
    expect(emulator.platform.directory.findPrincipal(identity.principalId ?? '')).toBeUndefined();
    await expect(client.userAssignedIdentities.get('sample', 'identity-four')).rejects.toMatchObject({
      statusCode: 404,
      code: 'ResourceNotFound',
    });
  });

  it('refuses a name that Azure would refuse', async () => {
    await expect(make('no')).rejects.toMatchObject({ statusCode: 400, code: 'InvalidResourceName' });
  });
});
