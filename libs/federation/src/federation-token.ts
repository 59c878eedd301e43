import { createHmac, timingSafeEqual } from 'node:crypto';
import { SecretValue } from '@managed-consul/config';
import { z } from 'zod';

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const HEADER = encode({ alg: 'HS256', typ: 'JWT' });

/** `Primary` is the claim by which Terraform sees that two tokens lead to the same primary. */
const claimsSchema = z.strictObject({ Primary: z.uuid(), exp: z.int().nonnegative() });

/** What a federation token says: whom it lets others follow, and how long, to the second. */
export interface FederationGrant {
  primaryClusterId: string;
  expiresAt: Date;
}

const sign = (signed: string, key: SecretValue): Buffer =>
  createHmac('sha256', Buffer.from(key.reveal(), 'base64')).update(signed).digest();

const signedPart = ({ primaryClusterId, expiresAt }: FederationGrant): string =>
  `${HEADER}.${encode({ Primary: primaryClusterId, exp: Math.floor(expiresAt.getTime() / 1000) })}`;

/**
 * A JSON Web Token with HMAC-SHA-256 by the primary's own key. It holds no secret of the cluster: the service copies those itself.
 */
export function writeFederationToken(grant: FederationGrant, key: SecretValue): SecretValue {
  const signed = signedPart(grant);
  return new SecretValue(`${signed}.${sign(signed, key).toString('base64url')}`);
}

/**
 * What is shown of the token that a secondary was made with: it names the primary, ended long ago and has no signature, so it opens
 * nothing. Terraform makes a cluster anew that says no primary, or another than its configuration.
 */
export const showUsedFederationToken = (primaryClusterId: string): string =>
  `${signedPart({ primaryClusterId, expiresAt: new Date(0) })}.`;

/** A token as it came: nothing of it is true before `isSignedWith` says so. */
export interface ReceivedFederationToken extends FederationGrant {
  isSignedWith(key: SecretValue): boolean;
}

function readClaims(payload: string): z.infer<typeof claimsSchema> | undefined {
  try {
    return claimsSchema.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

/** Undefined for what has not the form of a federation token. */
export function readFederationToken(text: string): ReceivedFederationToken | undefined {
  const [header, payload = '', signature = '', ...more] = text.split('.');
  const claims = header === HEADER && more.length === 0 ? readClaims(payload) : undefined;
  if (!claims || signature === '') return undefined;
  return {
    primaryClusterId: claims.Primary,
    expiresAt: new Date(claims.exp * 1000),
    // The text is compared, not the bytes: several texts may be decoded to the same.
    isSignedWith: (key) => {
      const expected = Buffer.from(sign(`${header}.${payload}`, key).toString('base64url'));
      const given = Buffer.from(signature);
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}
