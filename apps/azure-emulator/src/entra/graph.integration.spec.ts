import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sample, startTestEmulator, type TestEmulator } from '../emulator.builder';

describe('Azure AD Graph', () => {
  let emulator: TestEmulator;

  beforeAll(async () => {
    emulator = await startTestEmulator({ providers: [] });
  });
  afterAll(() => emulator.dispose());

  const tokenFor = async (resource: string): Promise<string> =>
    (await emulator.credential(sample.owner, sample.tenantId).getToken(`${resource}/.default`)).token;
  const ask = async (path: string, token: string | undefined) => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await fetch(`${emulator.endpoint}${path}`, { headers });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const lookUp = (clientId: string, tenantId: string = sample.tenantId): string =>
    `//${tenantId}/servicePrincipals?$filter=${encodeURIComponent(`appId eq '${clientId}'`)}&api-version=1.6`;

  it.each(['https://graph.windows.net', 'its own address'])(
    'finds exactly the service principal of a client id, for a token of %s',
    async (resource) => {
      const token = await tokenFor(resource.startsWith('https') ? resource : emulator.endpoint);
      const { status, body } = await ask(lookUp(sample.owner.clientId), token);
      expect(status).toBe(200);
      expect(body['value']).toEqual([
        expect.objectContaining({
          objectId: sample.owner.objectId,
          appId: sample.owner.clientId,
          objectType: 'ServicePrincipal',
        }),
      ]);
      const byId = await ask(`/${sample.tenantId}/servicePrincipals/${sample.owner.objectId}?api-version=1.6`, token);
      expect(byId.body).toMatchObject({ appId: sample.owner.clientId, displayName: 'owner' });
    },
  );

  it('finds nobody of another tenant', async () => {
    const token = await tokenFor('https://graph.windows.net');
    expect((await ask(lookUp(sample.stranger.clientId), token)).body['value']).toEqual([]);
    expect((await ask(lookUp(sample.stranger.clientId, sample.otherTenantId), token)).status).toBe(403);
    expect((await ask(`/${sample.tenantId}/servicePrincipals/${sample.stranger.objectId}`, token)).status).toBe(404);
  });

  it('refuses a missing token, one for another audience, and filters that it does not know', async () => {
    expect((await ask(lookUp(sample.owner.clientId), undefined)).status).toBe(401);
    expect((await ask(lookUp(sample.owner.clientId), await tokenFor('https://management.azure.com'))).status).toBe(401);
    const filter = encodeURIComponent("displayName eq 'owner'");
    const path = `/${sample.tenantId}/servicePrincipals?$filter=${filter}`;
    expect((await ask(path, await tokenFor('https://graph.windows.net'))).body).toMatchObject({
      'odata.error': { code: 'Request_UnsupportedQuery' },
    });
  });
});
