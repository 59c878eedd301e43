import { randomBytes, randomUUID } from 'node:crypto';
import { SecretValue } from '@managed-consul/config';
import { describe, expect, it } from 'vitest';
import { readFederationToken, writeFederationToken } from './federation-token';

const newKey = () => new SecretValue(randomBytes(32).toString('base64'));

describe('a federation token', () => {
  const key = newKey();
  const grant = { primaryClusterId: randomUUID(), expiresAt: new Date('2030-01-02T03:04:05.678Z') };
  const text = writeFederationToken(grant, key).reveal();

  it('says what was signed, and proves it with the key alone', () => {
    const read = readFederationToken(text);
    expect(read).toMatchObject(grant);
    expect(read?.isSignedWith(key)).toBe(true);
    expect(read?.isSignedWith(newKey())).toBe(false);
  });

  it('proves nothing when a single byte of it was changed', () => {
    const bytes = Buffer.from(text.slice(5), 'base64url');
    for (let index = 0; index < bytes.length; index += 1) {
      const forged = Buffer.from(bytes);
      forged.writeUInt8(forged.readUInt8(index) ^ 1, index);
      expect(readFederationToken(`mcf1_${forged.toString('base64url')}`)?.isSignedWith(key), `byte ${index}`).toBe(false);
    }
  });

  it('is not read from what has another form', () => {
    for (const other of ['', 'mcf1_', text.slice(0, -4), `${text}AAAA`, text.slice(5)]) {
      expect(readFederationToken(other)).toBeUndefined();
    }
  });
});
