import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { open, seal } from './envelope';
import { SecretUnreadableError } from './secret-errors';

const key = randomBytes(32);

test('what was sealed opens, and sealing it again looks different', () => {
  const plain = Buffer.from('the secret');
  const sealed = seal(key, plain, 'context');
  expect(open(key, sealed, 'context', 'it').equals(plain)).toBe(true);
  expect(seal(key, plain, 'context').equals(sealed)).toBe(false);
  expect(sealed.includes(plain)).toBe(false);
});

test('one changed bit anywhere, a cut, another context or another key does not open', () => {
  const sealed = seal(key, Buffer.from('the secret'), 'context');
  for (let index = 0; index < sealed.length; index += 1) {
    const tampered = Buffer.from(sealed);
    tampered.writeUInt8(tampered.readUInt8(index) ^ 1, index);
    expect(() => open(key, tampered, 'context', 'it')).toThrow(SecretUnreadableError);
    expect(() => open(key, sealed.subarray(0, index), 'context', 'it')).toThrow(SecretUnreadableError);
  }
  expect(() => open(key, sealed, 'another', 'it')).toThrow(SecretUnreadableError);
  expect(() => open(randomBytes(32), sealed, 'context', 'it')).toThrow(SecretUnreadableError);
});
