import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hours, minutes } from '@managed-consul/config';
import { FakeClock } from '@managed-consul/testing';
import { createTokenVerifier, type TokenVerifier } from './index';

const AUDIENCE = 'api://managed-consul';
const tenantId = randomUUID();
const objectId = randomUUID();

let server: Server;
let status: number;
let fetches: string[];
let published: JWK[];
let clock: FakeClock;
let key: CryptoKey;
let verifier: TokenVerifier;

const newKey = async (kid: string) => {
  const pair = await generateKeyPair('RS256');
  return { privateKey: pair.privateKey, jwk: { ...(await exportJWK(pair.publicKey)), kid, alg: 'RS256', use: 'sig' } };
};

beforeEach(async () => {
  [status, fetches] = [200, []];
  const made = await newKey('one');
  [key, published] = [made.privateKey, [made.jwk]];
  server = createServer((request, response) => {
    fetches.push(request.url ?? '');
    response.statusCode = status;
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: published }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  clock = new FakeClock(new Date());
  const authority = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  verifier = createTokenVerifier({ authority, audience: AUDIENCE, clock });
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const sign = (kid = 'one', privateKey = key) => {
  const now = Math.floor(clock.now().getTime() / 1000);
  return new SignJWT({ tid: tenantId, oid: objectId.toUpperCase(), groups: ['g1', 7] })
    .setProtectedHeader({ alg: 'RS256', kid })
    .setIssuer(`https://sts.windows.net/${tenantId}/`)
    .setAudience(AUDIENCE)
    .setNotBefore(now)
    .setExpirationTime(now + 3600)
    .sign(privateKey);
};

describe('a token verifier', () => {
  test('gives the caller in lower case with the groups of the token', async () => {
    expect(await verifier.verify(await sign())).toEqual({ tenantId, objectId, groupIds: ['g1'] });
    expect(fetches).toEqual([`/${tenantId}/discovery/v2.0/keys`]);
  });

  test('remembers a good token until it expires, and not longer', async () => {
    const token = await sign();
    await verifier.verify(token);
    clock.advance(minutes(59));
    await verifier.verify(token);
    clock.advance(hours(1));
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'AuthenticationFailed' });
  });

  test.each([500, 503, 429])('does not blame the token when the keys are answered with %i', async (answer) => {
    status = answer;
    await expect(verifier.verify(await sign())).rejects.toMatchObject({ code: 'ServiceUnavailable', retryAfterSeconds: 5 });
  });

  test('recovers once the keys can be had again', async () => {
    status = 500;
    const token = await sign();
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'ServiceUnavailable' });
    status = 200;
    expect((await verifier.verify(token)).objectId).toBe(objectId);
  });

  test('does not blame the token when nobody listens', async () => {
    const deaf = createTokenVerifier({ authority: 'http://127.0.0.1:1', audience: AUDIENCE, clock });
    await expect(deaf.verify(await sign())).rejects.toMatchObject({ code: 'ServiceUnavailable' });
  });

  test.each([400, 404])('refuses a tenant that Entra answers with %i for', async (answer) => {
    status = answer;
    await expect(verifier.verify(await sign())).rejects.toMatchObject({ code: 'AuthenticationFailed' });
  });

  test('asks once for the keys, however many tokens of one tenant come at once', async () => {
    const tokens = await Promise.all(Array.from({ length: 10 }, () => sign()));
    await Promise.all(tokens.map((token) => verifier.verify(token)));
    expect(fetches).toHaveLength(1);
  });

  test('does not ask again for every token with a key that is not published', async () => {
    const other = await newKey('two');
    const tokens = await Promise.all(Array.from({ length: 5 }, () => sign('two', other.privateKey)));
    for (const token of tokens) await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'AuthenticationFailed' });
    expect(fetches.length).toBeLessThanOrEqual(2);
  });
});
