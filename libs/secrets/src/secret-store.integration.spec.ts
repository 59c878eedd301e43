import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretValue } from '@managed-consul/config';
import { openDatabase, type Database } from '@managed-consul/database';
import { createTestDatabase, type TestDatabase } from '@managed-consul/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LocalKeyFile } from './local-key-file';
import { SecretNotFoundError, SecretUnreadableError } from './secret-errors';
import { SecretStore, type SecretOwner } from './secret-store';

let testDatabase: TestDatabase;
let database: Database;
let folder: string;
let store: SecretStore;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ url: testDatabase.url, maxConnections: 10 });
  folder = await mkdtemp(join(tmpdir(), 'secrets-'));
  store = await storeWith('key');
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
  await rm(folder, { recursive: true });
});

/** A store of a process of its own: nothing cached. Equal names share a key file. */
async function storeWith(name: string): Promise<SecretStore> {
  const path = join(folder, name);
  await writeFile(path, randomBytes(32).toString('base64'), { mode: 0o600, flag: 'wx' }).catch(() => undefined);
  return new SecretStore(database.prisma, await LocalKeyFile.load(path));
}

const newOwner = (): SecretOwner => `cluster/${randomUUID()}`;

test('a secret is read by every process with the key, replaced by put, and stored sealed', async () => {
  const owner = newOwner();
  await store.put(owner, 'gossip-key', new SecretValue('first'));
  await store.put(owner, 'gossip-key', new SecretValue('sécond'));
  expect((await (await storeWith('key')).get(owner, 'gossip-key')).reveal()).toBe('sécond');
  const row = await database.prisma.secret.findUniqueOrThrow({ where: { owner_purpose: { owner, purpose: 'gossip-key' } } });
  expect(Buffer.from(row.ciphertext).includes('sécond')).toBe(false);
});

test('of many that put a secret at once, one wins and all get its value', async () => {
  const owner = newOwner();
  const stores = await Promise.all(Array.from({ length: 8 }, () => storeWith('key')));
  const got = await Promise.all(
    stores.map((each, number) => each.putIfAbsent(owner, 'token', new SecretValue(`value ${number}`))),
  );
  const stored = (await store.get(owner, 'token')).reveal();
  expect(got.map((value) => value.reveal())).toEqual(Array(8).fill(stored));
  expect((await store.putIfAbsent(owner, 'token', new SecretValue('later'))).reveal()).toBe(stored);
});

test('a ciphertext that was changed, or copied to another owner or purpose, does not open', async () => {
  const [owner, other] = [newOwner(), newOwner()];
  await store.put(owner, 'a', new SecretValue('secret'));
  await store.put(other, 'a', new SecretValue('another'));
  const { ciphertext } = await database.prisma.secret.findUniqueOrThrow({ where: { owner_purpose: { owner, purpose: 'a' } } });
  await database.prisma.secret.create({ data: { owner, purpose: 'b', ciphertext } });
  await database.prisma.secret.update({ where: { owner_purpose: { owner: other, purpose: 'a' } }, data: { ciphertext } });
  await expect(store.get(owner, 'b')).rejects.toThrow(SecretUnreadableError);
  await expect(store.get(other, 'a')).rejects.toThrow(SecretUnreadableError);
  const tampered = Uint8Array.from(ciphertext);
  tampered[tampered.length - 1] = (tampered.at(-1) ?? 0) ^ 1;
  await database.prisma.secret.update({ where: { owner_purpose: { owner, purpose: 'a' } }, data: { ciphertext: tampered } });
  await expect(store.get(owner, 'a')).rejects.toThrow(SecretUnreadableError);
});

test('without the key-encryption key nothing opens', async () => {
  const owner = newOwner();
  await store.put(owner, 'a', new SecretValue('secret'));
  await expect((await storeWith('another-key')).get(owner, 'a')).rejects.toThrow(SecretUnreadableError);
});

test('a secret put in a transaction that is rolled back was never there', async () => {
  const owner = newOwner();
  await store.prepareOwner(owner);
  const work = database.prisma.$transaction(async (tx) => {
    await store.put(owner, 'a', new SecretValue('secret'), tx);
    expect((await store.get(owner, 'a', tx)).reveal()).toBe('secret');
    throw new Error('roll back');
  });
  await expect(work).rejects.toThrow('roll back');
  await expect(store.get(owner, 'a')).rejects.toThrow(SecretNotFoundError);
});

test('a destroyed owner leaves nothing that opens, not even a kept copy of its rows', async () => {
  const owner = newOwner();
  await store.put(owner, 'a', new SecretValue('secret'));
  const copy = await database.prisma.secret.findUniqueOrThrow({ where: { owner_purpose: { owner, purpose: 'a' } } });
  await store.destroyOwner(owner);
  await store.destroyOwner(owner);
  expect(await store.find(owner, 'a')).toBeUndefined();
  expect(await database.prisma.dataKey.count({ where: { owner } })).toBe(0);
  await store.put(owner, 'b', new SecretValue('new life'));
  await database.prisma.secret.create({ data: copy });
  await expect(store.get(owner, 'a')).rejects.toThrow(SecretUnreadableError);
});

test('a process that still knows a destroyed key stores nothing under it', async () => {
  const owner = newOwner();
  const other = await storeWith('key');
  await other.put(owner, 'a', new SecretValue('old'));
  await store.destroyOwner(owner);
  await other.put(owner, 'a', new SecretValue('new'));
  expect((await store.get(owner, 'a')).reveal()).toBe('new');
});

test('deleting a secret that is not there is fine', async () => {
  await store.delete(newOwner(), 'a');
});
