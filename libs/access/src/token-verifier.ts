import { createHash } from 'node:crypto';
import { decodeJwt, errors, jwtVerify, type JWTPayload } from 'jose';
import { seconds, systemClock, type Clock } from '@managed-consul/config';
import { AppError } from '@managed-consul/errors';
import { BoundedCache } from './bounded-cache';
import type { Caller } from './caller';
import { createTenantKeys, type TenantKeys } from './tenant-keys';

export interface TokenVerifierOptions {
  /** Entra's address, e.g. `https://login.microsoftonline.com`. */
  authority: string;
  /** Who the token must be for, e.g. `api://managed-consul`. */
  audience: string;
  clock?: Clock;
  /** Where the signing keys of a tenant come from; Entra unless given. */
  keys?: TenantKeys;
}

export interface TokenVerifier {
  /** Gives the caller that a bearer token proves. Throws AuthenticationFailed, or ServiceUnavailable when Entra's keys cannot be had. */
  verify(token: string): Promise<Caller>;
}

/** Clocks of honest machines differ by less. */
const CLOCK_TOLERANCE = seconds(30);
const REMEMBERED_TOKENS = 10_000;
const TENANT_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const refuse = (why: string, cause?: unknown): AppError =>
  new AppError(
    'AuthenticationFailed',
    `${why} Send a valid Entra access token for this service as 'Authorization: Bearer <token>'.`,
    {
      cause,
    },
  );

/** Entra issues version 1 tokens under sts.windows.net and version 2 tokens under the authority itself. */
const issuersOf = (authority: string, tenantId: string): string[] => [
  `https://sts.windows.net/${tenantId}/`,
  `${authority}/${tenantId}/v2.0`,
];

/** The tenant that an unverified token claims; its keys then have to prove the claim. */
function claimedTenant(token: string): string {
  let tenantId: unknown;
  try {
    tenantId = decodeJwt(token)['tid'];
  } catch (cause) {
    throw refuse('The bearer token is not a JSON Web Token.', cause);
  }
  if (typeof tenantId !== 'string' || !TENANT_ID.test(tenantId)) throw refuse('The bearer token names no tenant.');
  return tenantId;
}

function callerOf(payload: JWTPayload, tenantId: string): Caller {
  const { oid, groups } = payload;
  if (typeof oid !== 'string' || !TENANT_ID.test(oid)) throw refuse('The bearer token names no principal.');
  const groupIds = Array.isArray(groups) ? groups.filter((group): group is string => typeof group === 'string') : [];
  return { tenantId: tenantId.toLowerCase(), objectId: oid.toLowerCase(), groupIds };
}

function translate(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof errors.JWTExpired) return refuse('The bearer token has expired.', error);
  if (error instanceof errors.JWTClaimValidationFailed) {
    return refuse(`The bearer token was not made for this service: its ${error.claim} claim is wrong.`, error);
  }
  return refuse('The signature of the bearer token is not valid.', error);
}

/**
 * Verifies Entra access tokens: RS256 signature by the tenant's published keys, issuer, audience, expiry, not-before. A token
 * that was found good is remembered by its hash until it expires, because checking a signature costs more than the request.
 */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const authority = options.authority.replace(/\/$/, '');
  const clock = options.clock ?? systemClock;
  const keys = options.keys ?? createTenantKeys(authority);
  const remembered = new BoundedCache<{ caller: Caller; expiresAt: number }>(REMEMBERED_TOKENS);

  async function check(token: string): Promise<{ caller: Caller; expiresAt: number }> {
    const tenantId = claimedTenant(token);
    try {
      const { payload } = await jwtVerify(token, keys.of(tenantId), {
        algorithms: ['RS256'],
        audience: options.audience,
        issuer: issuersOf(authority, tenantId),
        requiredClaims: ['exp', 'nbf', 'tid', 'oid'],
        clockTolerance: CLOCK_TOLERANCE / 1000,
        currentDate: clock.now(),
      });
      return { caller: callerOf(payload, tenantId), expiresAt: (payload.exp ?? 0) * 1000 };
    } catch (error) {
      throw translate(error);
    }
  }

  return {
    async verify(token) {
      const fingerprint = createHash('sha256').update(token).digest('base64');
      const known = remembered.get(fingerprint);
      if (known && known.expiresAt > clock.now().getTime()) return known.caller;
      const checked = await check(token);
      remembered.set(fingerprint, checked);
      return checked.caller;
    },
  };
}
