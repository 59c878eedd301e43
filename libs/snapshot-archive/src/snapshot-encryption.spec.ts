import { createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Transform } from 'node:stream';
import { expect, test } from 'vitest';
import { decryptSnapshot, encryptSnapshot } from './snapshot-encryption';

const KEY = randomBytes(32);
const CHUNK = 65_536;
const STORED_CHUNK = CHUNK + 16;
const HEADER = 40;

function through(bytes: Buffer, transform: Transform, partBytes = 50_000): Promise<Buffer> {
  const parts = Array.from({ length: Math.ceil(bytes.length / partBytes) }, (_, part) =>
    bytes.subarray(part * partBytes, (part + 1) * partBytes),
  );
  const source = Readable.from(parts);
  source.on('error', (error) => transform.destroy(error));
  return buffer(source.pipe(transform));
}

const encrypt = (bytes: Buffer, id = 's1') => through(bytes, encryptSnapshot(KEY, id));
const decrypt = (bytes: Buffer, id = 's1', key: Buffer = KEY) => through(bytes, decryptSnapshot(key, id));
const isRefused = (bytes: Buffer, id?: string, key?: Buffer) =>
  expect(decrypt(bytes, id, key)).rejects.toMatchObject({ name: 'SnapshotDamagedError' });

test.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 300_001])('%d bytes come back as they were', async (length) => {
  const plain = randomBytes(length);
  const stored = await encrypt(plain);
  expect(stored.length).toBe(HEADER + length + 16 * Math.max(1, Math.ceil(length / CHUNK)));
  expect((await decrypt(stored)).equals(plain)).toBe(true);
  expect((await through(stored, decryptSnapshot(KEY, 's1'), 7919)).equals(plain)).toBe(true);
});

test('the same bytes are never stored the same way twice', async () => {
  const plain = randomBytes(1000);
  expect((await encrypt(plain)).equals(await encrypt(plain))).toBe(false);
});

test('a snapshot that was cut off is refused, at a border between chunks as well', async () => {
  const stored = await encrypt(randomBytes(3 * CHUNK + 5));
  for (const length of [0, 7, HEADER, HEADER + 5, HEADER + STORED_CHUNK, HEADER + 3 * STORED_CHUNK, stored.length - 1]) {
    await isRefused(stored.subarray(0, length));
  }
});

test('a flipped bit is found wherever it is', async () => {
  const stored = await encrypt(randomBytes(2 * CHUNK));
  for (const at of [0, 7, 8, 39, 40, HEADER + STORED_CHUNK - 1, HEADER + STORED_CHUNK, stored.length - 1]) {
    const altered = Buffer.from(stored);
    altered[at] = (altered[at] ?? 0) ^ 1;
    await isRefused(altered);
  }
});

test('chunks that were moved, left out, repeated or appended are found', async () => {
  const stored = await encrypt(randomBytes(4 * CHUNK));
  const header = stored.subarray(0, HEADER);
  const chunks = [0, 1, 2, 3].map((n) => stored.subarray(HEADER + n * STORED_CHUNK, HEADER + (n + 1) * STORED_CHUNK));
  const [a, b, c, d] = chunks as [Buffer, Buffer, Buffer, Buffer];
  for (const order of [
    [b, a, c, d],
    [a, c, d],
    [a, b, b, c, d],
    [a, b, c],
    [a, b, c, d, d],
    [a, b, c, d, Buffer.from('x')],
  ]) {
    await isRefused(Buffer.concat([header, ...order]));
  }
});

test('neither another key nor another snapshot opens it', async () => {
  const stored = await encrypt(randomBytes(1000));
  await isRefused(stored, 's2');
  await isRefused(stored, 's1', randomBytes(32));
});

test('the description of the format is enough to decrypt', async () => {
  const plain = randomBytes(2 * CHUNK + 77);
  const stored = await encrypt(plain, 'an-id');
  const header = stored.subarray(0, 40);
  const key = Buffer.from(hkdfSync('sha256', KEY, header.subarray(8), 'managed-consul snapshot an-id', 32));
  const opened: Buffer[] = [];
  for (let n = 0, at = 40; at < stored.length; n += 1, at += 65_552) {
    const chunk = stored.subarray(at, at + 65_552);
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(n, 7);
    nonce[11] = at + 65_552 >= stored.length ? 1 : 0;
    const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(header).setAuthTag(chunk.subarray(-16));
    opened.push(decipher.update(chunk.subarray(0, -16)), decipher.final());
  }
  expect(Buffer.concat(opened).equals(plain)).toBe(true);
});
