import { randomBytes, randomUUID } from 'node:crypto';
import { SecretValue } from '@managed-consul/config';
import { decodeJwt, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { readFederationToken, showUsedFederationToken, writeFederationToken } from './federation-token';

const newKey = () => new SecretValue(randomBytes(32).toString('base64'));

describe('a federation token', () => {
  const key = newKey();
  const grant = { primaryClusterId: randomUUID(), expiresAt: new Date('2130-01-02T03:04:05.000Z') };
  const text = writeFederationToken(grant, key).reveal();

  it('says what was signed, and proves it with the key alone', () => {
    const read = readFederationToken(text);
    expect(read).toMatchObject(grant);
    expect(read?.isSignedWith(key)).toBe(true);
    expect(read?.isSignedWith(newKey())).toBe(false);
  });

  it('is a JSON Web Token whose claim names the primary, as clients of the original service read it', async () => {
    const { payload } = await jwtVerify(text, Buffer.from(key.reveal(), 'base64'));
    expect(payload).toEqual({ Primary: grant.primaryClusterId, exp: grant.expiresAt.getTime() / 1000 });
  });

  it('proves nothing when a single character of it was changed', () => {
    for (let index = 0; index < text.length; index += 1) {
      const forged = `${text.slice(0, index)}${text[index] === 'A' ? 'B' : 'A'}${text.slice(index + 1)}`;
      expect(readFederationToken(forged)?.isSignedWith(key) ?? false, `character ${index}`).toBe(false);
    }
  });

  it('is not read from what has another form', () => {
    const [header, payload, signature] = text.split('.');
    const unsigned = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
    const others = [
      '',
      '..',
      `${header}..${signature}`,
      `${header}.${payload}`,
      `${text}.A`,
      `${unsigned}.${payload}.${signature}`,
    ];
    for (const other of others) expect(readFederationToken(other), other).toBeUndefined();
  });

  it('that was used is shown as one that names the same primary and is none', () => {
    const shown = showUsedFederationToken(grant.primaryClusterId);
    expect(decodeJwt(shown)['Primary']).toBe(grant.primaryClusterId);
    expect(showUsedFederationToken(grant.primaryClusterId)).toBe(shown);
    expect(readFederationToken(shown)).toBeUndefined();
  });
});
