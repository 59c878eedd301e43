import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sshPublicKey } from './ssh-public-key';

describe('the key that Azure wants for a machine', () => {
  it('is in the form of OpenSSH: algorithm, then length and bytes of algorithm and key', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const [algorithm, encoded = ''] = sshPublicKey(publicKey).split(' ');
    const blob = Buffer.from(encoded, 'base64');
    expect(algorithm).toBe('ssh-ed25519');
    expect(blob.subarray(0, 15).toString('latin1')).toBe('\0\0\0\x0bssh-ed25519');
    expect(blob.readUInt32BE(15)).toBe(32);
    expect(blob.subarray(19).toString('base64url')).toBe(publicKey.export({ format: 'jwk' }).x);
  });
});
