import { createTenantKeys, type TenantKeys } from '@managed-consul/access';
import { seconds, systemClock, type Clock } from '@managed-consul/config';
import { AppError } from '@managed-consul/errors';
import { decodeJwt, errors, jwtVerify } from 'jose';
import { RequestRefused } from './request-refused';

/** What an identity token says before it was checked; good for finding whom it might be about, and for nothing else. */
export interface ClaimedIdentity {
  tenantId: string;
  /** Resource id of the managed identity (`xms_mirid`), in lower case. */
  identityResourceId: string;
}

const CLOCK_TOLERANCE_SECONDS = seconds(30) / 1000;

/**
 * Checks tokens of managed identities: signed by the tenant's keys in Entra, for this gateway, not expired. The claims are
 * described in https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
 */
export class ManagedIdentityVerifier {
  readonly #authority: string;
  readonly #audience: string;
  readonly #clock: Clock;
  readonly #keys: TenantKeys;

  constructor(options: { authority: string; audience: string; clock?: Clock; keys?: TenantKeys }) {
    this.#authority = options.authority.replace(/\/$/, '');
    this.#audience = options.audience;
    this.#clock = options.clock ?? systemClock;
    this.#keys = options.keys ?? createTenantKeys(this.#authority);
  }

  /** Reads the claims without believing them. Throws `RequestRefused` 401. */
  readClaims(token: string): ClaimedIdentity {
    let claims: Record<string, unknown>;
    try {
      claims = decodeJwt(token);
    } catch (cause) {
      throw refuse('The token is not a JSON Web Token.', cause);
    }
    const { tid, xms_mirid: identity } = claims;
    if (typeof tid !== 'string' || typeof identity !== 'string') throw refuse('The token is not one of a managed identity.');
    return { tenantId: tid.toLowerCase(), identityResourceId: identity.toLowerCase() };
  }

  /**
   * Proves that the token was issued by `tenantId` for this gateway. Throws `RequestRefused`: 401 when the token is not good,
   * 503 when Entra's keys cannot be had.
   */
  async verify(token: string, tenantId: string): Promise<void> {
    try {
      await jwtVerify(token, this.#keys.of(tenantId), {
        algorithms: ['RS256'],
        audience: this.#audience,
        // Version 1 tokens (what instance metadata gives) and version 2 tokens.
        issuer: [`https://sts.windows.net/${tenantId}/`, `${this.#authority}/${tenantId}/v2.0`],
        requiredClaims: ['exp', 'nbf', 'tid', 'xms_mirid'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: this.#clock.now(),
      });
    } catch (cause) {
      throw translate(cause);
    }
  }
}

function refuse(message: string, cause?: unknown): RequestRefused {
  return new RequestRefused(401, 'AuthenticationFailed', `${message} Get a new one from the instance metadata service.`, cause);
}

function translate(cause: unknown): RequestRefused {
  if (cause instanceof AppError && cause.code === 'ServiceUnavailable') {
    return new RequestRefused(503, 'ServiceUnavailable', 'The signing keys of the tenant cannot be read from Entra now.', cause);
  }
  if (cause instanceof errors.JWTExpired) return refuse('The token has expired.', cause);
  if (cause instanceof errors.JWTClaimValidationFailed)
    return refuse(`The token is not for this gateway: its ${cause.claim} claim is wrong.`, cause);
  return refuse("The token's signature is not valid.", cause);
}
