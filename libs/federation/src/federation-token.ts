import { createHmac, timingSafeEqual } from 'node:crypto';
import { SecretValue } from '@managed-consul/config';

const PREFIX = 'mcf1_';
const ID_BYTES = 16;
const TIME_BYTES = 6;
const SIGNED_BYTES = ID_BYTES + TIME_BYTES;
const SIGNATURE_BYTES = 32;

/** What a federation token says: whom it lets others follow, and how long. */
export interface FederationGrant {
  primaryClusterId: string;
  expiresAt: Date;
}

const sign = (payload: Uint8Array, key: SecretValue): Buffer =>
  createHmac('sha256', Buffer.from(key.reveal(), 'base64')).update(PREFIX).update(payload).digest();

/**
 * `mcf1_` and in base64url: the primary's id (16 bytes), the end in milliseconds since 1970 (6 bytes), and their HMAC-SHA-256 with
 * the primary's own key. It holds no secret of the cluster: the service copies those itself.
 */
export function writeFederationToken({ primaryClusterId, expiresAt }: FederationGrant, key: SecretValue): SecretValue {
  const payload = Buffer.alloc(SIGNED_BYTES);
  payload.write(primaryClusterId.replaceAll('-', ''), 'hex');
  payload.writeUIntBE(expiresAt.getTime(), ID_BYTES, TIME_BYTES);
  return new SecretValue(PREFIX + Buffer.concat([payload, sign(payload, key)]).toString('base64url'));
}

const uuidOf = (bytes: Buffer): string => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** A token as it came: nothing of it is true before `isSignedWith` says so. */
export interface ReceivedFederationToken extends FederationGrant {
  isSignedWith(key: SecretValue): boolean;
}

/** Undefined for what has not the form of a federation token. */
export function readFederationToken(text: string): ReceivedFederationToken | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const bytes = Buffer.from(text.slice(PREFIX.length), 'base64url');
  if (bytes.length !== SIGNED_BYTES + SIGNATURE_BYTES) return undefined;
  const [payload, signature] = [bytes.subarray(0, SIGNED_BYTES), bytes.subarray(SIGNED_BYTES)];
  return {
    primaryClusterId: uuidOf(payload.subarray(0, ID_BYTES)),
    expiresAt: new Date(payload.readUIntBE(ID_BYTES, TIME_BYTES)),
    isSignedWith: (key) => timingSafeEqual(signature, sign(payload, key)),
  };
}
