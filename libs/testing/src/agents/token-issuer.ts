import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';

/** What a token should say; the defaults are those of a good one. */
export interface TokenWish {
  tenantId: string;
  identityResourceId: string;
  audience: string;
  /** Seconds until it ends, counted from now; negative for one that has ended. */
  expiresInSeconds?: number;
  issuer?: string;
  /** Signs with a key that the issuer does not publish. */
  foreignKey?: boolean;
}

/** Issues managed-identity tokens with real RS256 signatures and publishes the key to them, for any tenant, as Entra does. */
export interface TokenIssuer {
  readonly authority: string;
  /** How often each tenant's keys were fetched. */
  readonly keyFetches: Map<string, number>;
  issue(wish: TokenWish): Promise<string>;
  close(): Promise<void>;
}

const KEY_ID = 'test-key';

export async function startTokenIssuer(): Promise<TokenIssuer> {
  const pair = await generateKeyPair('RS256', { extractable: true });
  const foreign = await generateKeyPair('RS256');
  const keys = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: KEY_ID, use: 'sig', alg: 'RS256' }] };
  const keyFetches = new Map<string, number>();
  const server = createServer((request, response) => {
    const [, tenantId] = /^\/([0-9a-f-]{36})\/discovery\/v2\.0\/keys$/.exec(request.url ?? '') ?? [];
    if (tenantId) keyFetches.set(tenantId, (keyFetches.get(tenantId) ?? 0) + 1);
    response.writeHead(tenantId ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(tenantId ? keys : {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    authority: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    keyFetches,
    issue: (wish) => sign(wish, wish.foreignKey ? foreign.privateKey : pair.privateKey),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function sign(wish: TokenWish, key: CryptoKey): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const expires = now + (wish.expiresInSeconds ?? 3600);
  return new SignJWT({ tid: wish.tenantId, xms_mirid: wish.identityResourceId, oid: crypto.randomUUID(), ver: '1.0' })
    .setProtectedHeader({ alg: 'RS256', kid: KEY_ID, typ: 'JWT' })
    .setIssuer(wish.issuer ?? `https://sts.windows.net/${wish.tenantId}/`)
    .setAudience(wish.audience)
    .setNotBefore(Math.min(now, expires) - 300)
    .setIssuedAt(Math.min(now, expires) - 300)
    .setExpirationTime(expires)
    .sign(key);
}
