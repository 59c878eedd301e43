import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

/** What a test may have wrong about a token. */
export interface TokenWish {
  tenantId: string;
  objectId: string;
  audience?: string;
  issuer?: string;
  /** Seconds from now. */
  expiresIn?: number;
  /** Seconds from now. */
  notBefore?: number;
  groups?: string[];
}

/** An issuer like Entra ID for one test: real keys, real signatures, keys published over HTTP. Tenants it was not told of are unknown. */
export class AppTokenIssuer {
  readonly #server: Server;
  readonly #tenants = new Set<string>();
  readonly #privateKey: CryptoKey;
  readonly #jwk: JWK;
  requestsForKeys = 0;

  private constructor(privateKey: CryptoKey, jwk: JWK) {
    this.#privateKey = privateKey;
    this.#jwk = jwk;
    this.#server = createServer((request, response) => {
      this.requestsForKeys += 1;
      const tenantId = request.url?.split('/')[1] ?? '';
      response.statusCode = this.#tenants.has(tenantId) ? 200 : 400;
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [this.#jwk] }));
    });
  }

  static async start(): Promise<AppTokenIssuer> {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: randomUUID(), alg: 'RS256', use: 'sig' };
    const issuer = new AppTokenIssuer(privateKey, jwk);
    await new Promise<void>((resolve) => issuer.#server.listen(0, '127.0.0.1', resolve));
    return issuer;
  }

  get authority(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Makes the tenant known and gives its id. */
  addTenant(): string {
    const tenantId = randomUUID();
    this.#tenants.add(tenantId);
    return tenantId;
  }

  async sign(wish: TokenWish, key: CryptoKey = this.#privateKey): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({ tid: wish.tenantId, oid: wish.objectId, ...(wish.groups ? { groups: wish.groups } : {}) })
      .setProtectedHeader({ alg: 'RS256', kid: this.#jwk.kid ?? '' })
      .setIssuer(wish.issuer ?? `https://sts.windows.net/${wish.tenantId}/`)
      .setAudience(wish.audience ?? 'api://managed-consul')
      .setIssuedAt(now)
      .setNotBefore(now + (wish.notBefore ?? -60))
      .setExpirationTime(now + (wish.expiresIn ?? 3600))
      .sign(key);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
