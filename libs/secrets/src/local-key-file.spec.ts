import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KeyFileError, LocalKeyFile } from './local-key-file';
import { SecretUnreadableError } from './secret-errors';

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'key-file-'))));
afterAll(() => rm(folder, { recursive: true }));

async function keyFile(content = randomBytes(32).toString('base64'), mode = 0o600): Promise<string> {
  const path = join(folder, randomBytes(8).toString('hex'));
  await writeFile(path, content, { mode });
  return path;
}

test('a data key comes back from its wrapping, which holds nothing of it', async () => {
  const holder = await LocalKeyFile.load(await keyFile());
  const dataKey = randomBytes(32);
  const wrapped = await holder.wrap(dataKey, 'cluster/1');
  expect(Buffer.from(wrapped.wrapped).includes(dataKey)).toBe(false);
  expect(Buffer.from(await holder.unwrap(wrapped, 'cluster/1')).equals(dataKey)).toBe(true);
});

test('a data key unwraps neither for another owner nor with another key file', async () => {
  const [one, other] = [await LocalKeyFile.load(await keyFile()), await LocalKeyFile.load(await keyFile())];
  const wrapped = await one.wrap(randomBytes(32), 'cluster/1');
  await expect(one.unwrap(wrapped, 'cluster/2')).rejects.toThrow(SecretUnreadableError);
  await expect(other.unwrap(wrapped, 'cluster/1')).rejects.toThrow(SecretUnreadableError);
});

test.each([
  ['readable by its group', () => keyFile(undefined, 0o640), /0600/],
  ['readable by everybody', () => keyFile(undefined, 0o604), /0600/],
  ['too short', () => keyFile(randomBytes(16).toString('base64')), /32 bytes/],
  ['empty', () => keyFile(''), /32 bytes/],
  ['missing', () => Promise.resolve(join(folder, 'nowhere')), /cannot be read/],
])('refuses a key file that is %s', async (_what, make, message) => {
  const loading = LocalKeyFile.load(await make());
  await expect(loading).rejects.toThrow(KeyFileError);
  await expect(loading).rejects.toThrow(message);
});
