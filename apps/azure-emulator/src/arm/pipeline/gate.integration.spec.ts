import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sample, startTestEmulator, type TestEmulator } from '../../emulator.builder';
import { SigningKeys } from '../../entra/signing-keys';

const SUBSCRIPTION = `/subscriptions/${sample.subscriptionId}`;
const ARM_SCOPE = 'https://management.azure.com/.default';

describe('the gate of Resource Manager', () => {
  let emulator: TestEmulator;

  beforeAll(async () => {
    emulator = await startTestEmulator({ providers: [], environment: { EMULATOR_READS_PER_SECOND: '10' } });
  });

  afterAll(() => emulator.dispose());

  const ownToken = async (scope = ARM_SCOPE) => (await emulator.credential(sample.owner, sample.tenantId).getToken(scope)).token;

  const withToken = async (token: string | null) => {
    const { status, body, headers } = await emulator.call('GET', SUBSCRIPTION, { token });
    return { status, code: body.error?.code, challenge: headers.get('www-authenticate') };
  };

  /** The claims of a good token, changed, signed with the emulator's own key. */
  const resigned = async (change: Record<string, unknown>) => {
    const keys = await SigningKeys.open(emulator.platform.store);
    const token = await ownToken();
    return new SignJWT({ ...decodeJwt(token), ...change })
      .setProtectedHeader({ alg: 'RS256', ...decodeProtectedHeader(token) })
      .sign(keys.privateKey);
  };

  it('lets a good token in and counts down what remains', async () => {
    const answer = await emulator.call('GET', SUBSCRIPTION);
    expect(answer.status).toBe(200);
    expect(Number(answer.headers.get('x-ms-ratelimit-remaining-subscription-reads'))).toBeLessThan(100);
  });

  it('refuses a call without a token', async () => {
    const refused = await withToken(null);
    expect(refused).toMatchObject({ status: 401, code: 'AuthenticationFailed' });
    expect(refused.challenge).toContain('Bearer');
  });

  it('refuses a token for another audience', async () => {
    expect(await withToken(await ownToken('api://sample/.default'))).toMatchObject({
      status: 401,
      code: 'InvalidAuthenticationTokenAudience',
    });
  });

  it('refuses a token that another key signed', async () => {
    const { privateKey } = await generateKeyPair('RS256', { extractable: true });
    expect((await exportJWK(privateKey)).kty).toBe('RSA');
    const token = await ownToken();
    const forged = await new SignJWT(decodeJwt(token))
      .setProtectedHeader(decodeProtectedHeader(token) as { alg: string })
      .sign(privateKey);
    expect(await withToken(forged)).toMatchObject({ status: 401, code: 'InvalidAuthenticationToken' });
  });

  it('refuses an unsigned token', async () => {
    expect(await withToken(new UnsecuredJWT(decodeJwt(await ownToken())).encode())).toMatchObject({
      status: 401,
      code: 'InvalidAuthenticationToken',
    });
  });

  it('refuses an issuer that does not fit the tenant', async () => {
    const token = await resigned({ iss: `https://sts.windows.net/${sample.otherTenantId}/` });
    expect(await withToken(token)).toMatchObject({ status: 401, code: 'InvalidAuthenticationTokenIssuer' });
  });

  it('refuses a token of a tenant that is none', async () => {
    const tid = '99999999-0000-4000-8000-000000000001';
    const token = await resigned({ tid, iss: `https://sts.windows.net/${tid}/` });
    expect(await withToken(token)).toMatchObject({ status: 401, code: 'InvalidAuthenticationTokenIssuer' });
  });

  it('refuses a token once the clock has passed its expiry', async () => {
    const token = await ownToken();
    expect((await withToken(token)).status).toBe(200);
    emulator.clock.advance(3_600_000);
    expect(await withToken(token)).toMatchObject({ status: 401, code: 'ExpiredAuthenticationToken' });
    emulator.clock.advance(-3_600_000);
  });

  it('refuses the principal of another tenant, and lets it in where it was given a role', async () => {
    const as = { principal: sample.publisher, tenantId: sample.publisherTenantId };
    const group = `${SUBSCRIPTION}/resourceGroups/sample`;
    const before = await emulator.call('GET', group, { as });
    expect(before.status).toBe(401);
    expect(before.body.error?.code).toBe('InvalidAuthenticationTokenTenant');
    const { systemPrincipal } = await import('../principal');
    await emulator.platform.resources.put(
      `${group}/providers/Microsoft.Authorization/roleAssignments/aaaaaaaa-0000-4000-8000-000000000009`,
      {
        properties: {
          principalId: sample.publisher.objectId,
          roleDefinitionId: '/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c',
        },
      },
      systemPrincipal,
    );
    expect((await emulator.call('GET', group, { as })).status).toBe(200);
    const elsewhere = await emulator.call('PUT', `${SUBSCRIPTION}/resourceGroups/elsewhere`, {
      as,
      body: { location: 'westeurope' },
    });
    expect(elsewhere.body.error?.code).toBe('AuthorizationFailed');
  });

  it.each([
    ['no api-version', SUBSCRIPTION, '', 400, 'MissingApiVersionParameter'],
    ['an api-version that is no date', SUBSCRIPTION, 'api-version=latest', 400, 'InvalidApiVersionParameter'],
    [
      'an unknown subscription',
      '/subscriptions/99999999-0000-4000-8000-000000000001',
      'api-version=2025-04-01',
      404,
      'SubscriptionNotFound',
    ],
    ['what is no subscription id', '/subscriptions/none', 'api-version=2025-04-01', 400, 'InvalidSubscriptionId'],
  ])('refuses %s', async (_what, path, query, status, code) => {
    const answer = await emulator.call('GET', path, { query });
    expect(answer.status).toBe(status);
    expect(answer.body.error?.code).toBe(code);
  });

  it('throttles who asks faster than allowed, says when to come back, and keeps its word', async () => {
    const as = { principal: sample.reader, tenantId: sample.tenantId };
    const token = (await emulator.credential(sample.reader, sample.tenantId).getToken(ARM_SCOPE)).token;
    let answer = await emulator.call('GET', SUBSCRIPTION, { as, token });
    for (let count = 0; count < 400 && answer.status === 200; count += 1)
      answer = await emulator.call('GET', SUBSCRIPTION, { as, token });
    expect(answer.status).toBe(429);
    expect(answer.body.error?.code).toBe('SubscriptionRequestsThrottled');
    const retryAfter = answer.headers.get('retry-after');
    expect(retryAfter).toMatch(/^\d+$/);
    emulator.clock.advance(Number(retryAfter) * 1000);
    expect((await emulator.call('GET', SUBSCRIPTION, { as, token })).status).toBe(200);
  });
});
