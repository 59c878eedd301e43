import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { SecretUnreadableError } from './secret-errors';

/** First byte of everything sealed, so that the format can change. */
const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const KEY_BYTES = 32;

/**
 * Seals `plain` with AES-256-GCM under a fresh random nonce. `context` is authenticated but not stored: it must be the
 * same on opening. Gives format byte, nonce, tag, ciphertext.
 */
export function seal(key: Uint8Array, plain: Uint8Array, context: string): Buffer<ArrayBuffer> {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(context));
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([Buffer.from([FORMAT]), nonce, cipher.getAuthTag(), ciphertext]);
}

/** Opens what `seal` made. `what` names it in the error. Throws `SecretUnreadableError`. */
export function open(key: Uint8Array, sealed: Uint8Array, context: string, what: string): Buffer {
  const start = 1 + NONCE_BYTES + TAG_BYTES;
  if (sealed.length < start || sealed[0] !== FORMAT) throw new SecretUnreadableError(what);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 1 + NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(context));
    decipher.setAuthTag(sealed.subarray(1 + NONCE_BYTES, start));
    return Buffer.concat([decipher.update(sealed.subarray(start)), decipher.final()]);
  } catch (cause) {
    throw new SecretUnreadableError(what, cause);
  }
}
