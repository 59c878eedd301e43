import { randomBytes } from 'node:crypto';
import { decodeJwt, errors, jwtVerify, SignJWT, type JWTPayload } from 'jose';
import { type EmulatorClock } from '../clock/emulator-clock';
import { type IssuedToken } from '../arm/resource-provider';
import { asText } from '../arm/json';
import { type Principal } from '../arm/principal';
import { type Audience, type Directory, type ServicePrincipal, type User } from './directory';
import { type SigningKeys } from './signing-keys';

/** Why a bearer token was refused, for the caller of `verify` to put into its service's own words. */
export type TokenRefusal =
  | { readonly reason: 'invalid'; readonly message: string }
  | { readonly reason: 'expired'; readonly expiredAt: Date; readonly now: Date }
  | { readonly reason: 'audience'; readonly audience: string }
  | { readonly reason: 'issuer'; readonly issuer: string };

export class TokenRefusedError extends Error {
  readonly refusal: TokenRefusal;

  constructor(refusal: TokenRefusal) {
    super(`token refused: ${refusal.reason}`);
    this.name = 'TokenRefusedError';
    this.refusal = refusal;
  }
}

interface Subject {
  readonly servicePrincipal?: ServicePrincipal;
  readonly user?: User;
  /** Client through which a user signs in. */
  readonly clientId?: string;
}

/** Azure tokens carry a start five minutes ago against clocks that differ. */
const NOT_BEFORE_SLACK_SECONDS = 300;

/** Issues and verifies access tokens with the claims that Entra ID puts into them. */
export class AccessTokens {
  readonly #keys: SigningKeys;
  readonly #directory: Directory;
  readonly #clock: EmulatorClock;
  readonly #endpoint: () => string;

  constructor(keys: SigningKeys, directory: Directory, clock: EmulatorClock, endpoint: () => string) {
    this.#keys = keys;
    this.#directory = directory;
    this.#clock = clock;
    this.#endpoint = endpoint;
  }

  /** `iss` of a token: version 1 tokens name the security token service, version 2 tokens the authority that clients use. */
  issuerOf(tenantId: string, version: 1 | 2): string {
    return version === 1 ? `https://sts.windows.net/${tenantId}/` : `${this.#endpoint()}/${tenantId}/v2.0`;
  }

  /** The registration of the resource decides the version of its tokens, not the endpoint that was asked. */
  async issue(subject: Subject, tenantId: string, audience: Audience, lifetimeSeconds: number): Promise<IssuedToken> {
    const { application, resource } = audience;
    const version = application.accessTokenVersion;
    const now = Math.floor(this.#clock.now().getTime() / 1000);
    const claims: JWTPayload = {
      ...commonClaims(subject, tenantId),
      ...(version === 1 ? versionOneClaims(subject, this.issuerOf(tenantId, 1)) : versionTwoClaims(subject)),
      aud: version === 1 ? resource : application.applicationId,
      iss: this.issuerOf(tenantId, version),
      iat: now - NOT_BEFORE_SLACK_SECONDS,
      nbf: now - NOT_BEFORE_SLACK_SECONDS,
      exp: now + lifetimeSeconds,
    };
    const header = { alg: 'RS256', typ: 'JWT', kid: this.#keys.kid, ...(version === 1 ? { x5t: this.#keys.kid } : {}) };
    const accessToken = await new SignJWT(claims).setProtectedHeader(header).sign(this.#keys.privateKey);
    return { accessToken, expiresOn: now + lifetimeSeconds, notBefore: now - NOT_BEFORE_SLACK_SECONDS, resource };
  }

  /** Checks signature, time, audience (a last slash does not count), issuer and tenant. Throws `TokenRefusedError`. */
  async verify(token: string, audiences: readonly string[]): Promise<Principal> {
    const claims = await this.#verifySignature(token);
    const tenantId = asText(claims['tid']).toLowerCase();
    const issuer = claims.iss ?? '';
    const known = [this.issuerOf(tenantId, 1), this.issuerOf(tenantId, 2)];
    if (!known.includes(issuer) || !this.#directory.findTenant(tenantId))
      throw new TokenRefusedError({ reason: 'issuer', issuer });
    const audience = String(claims.aud ?? '');
    if (!audiences.some((one) => trimSlash(one) === trimSlash(audience)))
      throw new TokenRefusedError({ reason: 'audience', audience });
    return toPrincipal(claims, tenantId);
  }

  async #verifySignature(token: string): Promise<JWTPayload> {
    const now = this.#clock.now();
    try {
      const { payload } = await jwtVerify(token, this.#keys.publicKey, {
        algorithms: ['RS256'],
        currentDate: now,
        requiredClaims: ['exp', 'oid', 'tid'],
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) {
        const expiredAt = new Date((decodeJwt(token).exp ?? 0) * 1000);
        throw new TokenRefusedError({ reason: 'expired', expiredAt, now });
      }
      throw new TokenRefusedError({ reason: 'invalid', message: error instanceof Error ? error.message : 'unreadable' });
    }
  }
}

const trimSlash = (uri: string): string => uri.replace(/\/+$/, '').toLowerCase();

function commonClaims({ servicePrincipal, user }: Subject, tenantId: string): JWTPayload {
  const objectId = servicePrincipal?.objectId ?? user?.objectId ?? '';
  return {
    oid: objectId,
    sub: objectId,
    tid: tenantId,
    uti: randomBytes(16).toString('base64url'),
    idtyp: servicePrincipal ? 'app' : 'user',
    ...(servicePrincipal?.identityResourceId === undefined ? {} : { xms_mirid: servicePrincipal.identityResourceId }),
  };
}

const hasCertificate = (servicePrincipal: ServicePrincipal): boolean => servicePrincipal.identityResourceId !== undefined;

function versionOneClaims({ servicePrincipal, user, clientId }: Subject, issuer: string): JWTPayload {
  if (!servicePrincipal) {
    return {
      appid: clientId,
      appidacr: '0',
      scp: 'user_impersonation',
      upn: user?.userPrincipalName,
      unique_name: user?.userPrincipalName,
      ver: '1.0',
    };
  }
  // '2' says that the client proved itself by certificate, as managed identities do; '1' is a secret.
  return {
    appid: servicePrincipal.applicationId,
    appidacr: hasCertificate(servicePrincipal) ? '2' : '1',
    idp: issuer,
    ver: '1.0',
  };
}

function versionTwoClaims({ servicePrincipal, user, clientId }: Subject): JWTPayload {
  if (!servicePrincipal) {
    return { azp: clientId, azpacr: '0', scp: 'user_impersonation', preferred_username: user?.userPrincipalName, ver: '2.0' };
  }
  return { azp: servicePrincipal.applicationId, azpacr: hasCertificate(servicePrincipal) ? '2' : '1', ver: '2.0' };
}

function toPrincipal(claims: JWTPayload, tenantId: string): Principal {
  const applicationId = claims['appid'] ?? claims['azp'];
  const isUser = claims['idtyp'] === 'user';
  const name = isUser ? (claims['upn'] ?? claims['preferred_username']) : applicationId;
  return {
    objectId: String(claims['oid']).toLowerCase(),
    tenantId,
    type: isUser ? 'User' : 'ServicePrincipal',
    applicationId: typeof applicationId === 'string' ? applicationId : undefined,
    displayName: asText(name),
  };
}
