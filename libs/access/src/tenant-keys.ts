import { createRemoteJWKSet, customFetch, errors, type FetchImplementation, type JWTVerifyGetKey } from 'jose';
import { minutes, seconds } from '@managed-consul/config';
import { AppError } from '@managed-consul/errors';
import { BoundedCache } from './bounded-cache';

/** Signing keys by tenant. */
export interface TenantKeys {
  of(tenantId: string): JWTVerifyGetKey;
}

/** Anybody can claim any tenant, so what is kept is bounded. */
const REMEMBERED_TENANTS = 1_000;
const FETCH_TIMEOUT = seconds(5);
const FETCH_COOLDOWN = seconds(30);
const KEYS_MAX_AGE = minutes(60);

/** These say that the token is bad; every other failure says that the keys could not be had. */
const isAboutTheToken = (error: unknown): boolean =>
  error instanceof errors.JWKSNoMatchingKey ||
  error instanceof errors.JWKSMultipleMatchingKeys ||
  error instanceof errors.JOSENotSupported;

/** Entra answers 400 or 404 for a tenant that it does not know: such a tenant has no keys. */
const fetchKeys: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options);
  return response.status === 400 || response.status === 404 ? Response.json({ keys: [] }) : response;
};

/**
 * Keys that Entra publishes for each tenant, fetched when first needed, kept for an hour, fetched again at most every 30 s when
 * a token names a key that is not among them. A tenant that Entra does not know has no keys, so its tokens are refused.
 */
export function createTenantKeys(authority: string): TenantKeys {
  const byTenant = new BoundedCache<JWTVerifyGetKey>(REMEMBERED_TENANTS);

  function open(tenantId: string): JWTVerifyGetKey {
    const fetchKey = createRemoteJWKSet(new URL(`${authority}/${tenantId}/discovery/v2.0/keys`), {
      timeoutDuration: FETCH_TIMEOUT,
      cooldownDuration: FETCH_COOLDOWN,
      cacheMaxAge: KEYS_MAX_AGE,
      [customFetch]: fetchKeys,
    });
    return async (header, token) => {
      try {
        return await fetchKey(header, token);
      } catch (error) {
        if (isAboutTheToken(error)) throw error;
        throw new AppError(
          'ServiceUnavailable',
          'The signing keys of your tenant could not be read from Entra. Try again in a moment.',
          {
            cause: error,
            retryAfterSeconds: 5,
          },
        );
      }
    };
  }

  return {
    of(tenantId) {
      const key = tenantId.toLowerCase();
      const known = byTenant.get(key);
      if (known) return known;
      const opened = open(key);
      byTenant.set(key, opened);
      return opened;
    },
  };
}
