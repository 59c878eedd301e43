import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sample, startTestEmulator, type TestEmulator } from '../emulator.builder';

describe('Entra ID', () => {
  let emulator: TestEmulator;

  beforeAll(async () => {
    emulator = await startTestEmulator({ providers: [] });
  });

  afterAll(() => emulator.dispose());

  const post = async (path: string, form: Record<string, string>) => {
    const answer = await fetch(`${emulator.endpoint}${path}`, { method: 'POST', body: new URLSearchParams(form) });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const client = { grant_type: 'client_credentials', client_id: sample.owner.clientId, client_secret: sample.owner.secret };
  const tokenUrl = `/${sample.tenantId}/oauth2/v2.0/token`;

  it('gives @azure/identity a token that verifies against the published keys', async () => {
    const { token } = await emulator.credential(sample.owner, sample.tenantId).getToken(`${sample.audience}/.default`);
    const configuration = (await (
      await fetch(`${emulator.endpoint}/${sample.tenantId}/.well-known/openid-configuration`)
    ).json()) as {
      issuer: string;
      jwks_uri: string;
    };
    const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(configuration.jwks_uri)), {
      issuer: configuration.issuer,
      audience: sample.audience,
    });
    expect(payload).toMatchObject({
      iss: `https://sts.windows.net/${sample.tenantId}/`,
      tid: sample.tenantId,
      oid: sample.owner.objectId,
      appid: sample.owner.clientId,
      ver: '1.0',
      idtyp: 'app',
    });
  });

  it('gives version 2 claims when the registration of the audience asks for them', async () => {
    const { token } = await emulator.credential(sample.owner, sample.tenantId).getToken('api://sample-v2/.default');
    const keys = createRemoteJWKSet(new URL(`${emulator.endpoint}/${sample.tenantId}/discovery/v2.0/keys`));
    const configuration = await fetch(`${emulator.endpoint}/${sample.tenantId}/v2.0/.well-known/openid-configuration`);
    const { issuer } = (await configuration.json()) as { issuer: string };
    const { payload } = await jwtVerify(token, keys, { issuer, audience: '55555555-0000-4000-8000-000000000002' });
    expect(payload).toMatchObject({ azp: sample.owner.clientId, oid: sample.owner.objectId, ver: '2.0' });
    expect(payload['appid']).toBeUndefined();
  });

  it('answers the version 1 endpoint with strings for numbers', async () => {
    const { status, body } = await post(`/${sample.tenantId}/oauth2/token`, {
      ...client,
      resource: 'https://management.azure.com/',
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: '3599', resource: 'https://management.azure.com/' });
    const claims = decodeJwt(String(body['access_token']));
    expect(claims.aud).toBe('https://management.azure.com/');
    expect(body['expires_on']).toBe(String(claims.exp));
  });

  it.each([
    ['api://sample', 200],
    ['https://management.azure.com', 200],
    ['https://management.azure.com/', 200],
    ['https://storage.azure.com', 200],
    ['20e940b3-4c77-4b0b-9a53-9e16a1b010a7', 200],
    ['https://nobody.example', 400],
  ])('knows whether %s is registered', async (resource, status) => {
    expect((await post(tokenUrl, { ...client, scope: `${resource}/.default` })).status).toBe(status);
  });

  it.each([
    ['a wrong secret', tokenUrl, { client_secret: 'wrong' }, 401, 'invalid_client', 7000215],
    ['an unknown client', tokenUrl, { client_id: sample.stranger.clientId }, 400, 'unauthorized_client', 700016],
    ['an unknown tenant', '/99999999-0000-4000-8000-000000000001/oauth2/v2.0/token', {}, 400, 'invalid_request', 90002],
    ['an unknown audience', tokenUrl, { scope: 'https://nobody.example/.default' }, 400, 'invalid_resource', 500011],
    ['a scope without /.default', tokenUrl, { scope: 'api://sample/read' }, 400, 'invalid_scope', 1002012],
    ['another grant', tokenUrl, { grant_type: 'device_code' }, 400, 'unsupported_grant_type', 70003],
  ])('refuses %s as Entra does', async (_what, url, change, status, error, code) => {
    const answer = await post(url, { ...client, scope: 'api://sample/.default', ...change });
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ error, error_codes: [code] });
    expect(answer.body['error_description']).toContain(`AADSTS${code}: `);
  });

  it('leads instance discovery back to the address that was asked about', async () => {
    const asked = `${emulator.endpoint}/${sample.tenantId}/oauth2/v2.0/authorize`;
    const answer = await fetch(
      `${emulator.endpoint}/common/discovery/instance?api-version=1.1&authorization_endpoint=${encodeURIComponent(asked)}`,
    );
    expect(await answer.json()).toMatchObject({
      tenant_discovery_endpoint: `${emulator.endpoint}/${sample.tenantId}/v2.0/.well-known/openid-configuration`,
    });
  });

  it('still verifies after a restart what it signed before', async () => {
    const { token } = await emulator.credential(sample.owner, sample.tenantId).getToken('https://management.azure.com/.default');
    emulator = await emulator.restart();
    expect((await emulator.call('GET', `/subscriptions/${sample.subscriptionId}`, { token })).status).toBe(200);
  });
});
