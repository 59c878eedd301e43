import type { KeyObject } from 'node:crypto';

const field = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

const ALGORITHM = 'ssh-ed25519';

/** An Ed25519 public key in the form of OpenSSH (RFC 8709, section 4). */
export function sshPublicKey(key: KeyObject): string {
  const { x } = key.export({ format: 'jwk' });
  if (typeof x !== 'string') throw new Error('Not an Ed25519 public key');
  const blob = Buffer.concat([field(Buffer.from(ALGORITHM)), field(Buffer.from(x, 'base64url'))]);
  return `${ALGORITHM} ${blob.toString('base64')}`;
}
