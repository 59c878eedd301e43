import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  compareVersionsDescending,
  findConsulPrograms,
  listConsulVersions,
  listRegions,
  registerConsulArtifact,
} from '@managed-consul/consul-versions';
import { openDatabase, type Database } from '@managed-consul/database';
import { createTestDatabase, type TestDatabase } from '@managed-consul/testing';
import { seedCatalogue } from './seed-catalogue';

let place: TestDatabase;
let database: Database;

beforeAll(async () => {
  place = await createTestDatabase();
  database = openDatabase({ url: place.url, maxConnections: 4 });
  await seedCatalogue(database);
});

afterAll(async () => {
  await database.close();
  await place.drop();
});

test('seeding again keeps what an operator has changed', async () => {
  await database.prisma.region.update({ where: { name: 'westeurope' }, data: { open: false } });
  await seedCatalogue(database);
  const regions = await listRegions(database);
  expect(regions.find((region) => region.name === 'westeurope')?.open).toBe(false);
  expect(regions.length).toBeGreaterThanOrEqual(55);
  expect(new Set(regions.map((region) => region.name)).size).toBe(regions.length);
});

test('a program that is registered again takes the place of the one before', async () => {
  const program = { version: '1.8.7', platform: 'linux-amd64', sizeBytes: 1 };
  await registerConsulArtifact(database, { ...program, sha256: 'a'.repeat(64) });
  await registerConsulArtifact(database, { ...program, sha256: 'b'.repeat(64) });
  expect((await findConsulPrograms(database, '1.8.7'))['linux-amd64']?.sha256).toBe('b'.repeat(64));
});

test('exactly one version is recommended, and every blocked one says why', async () => {
  const versions = await listConsulVersions(database);
  expect(versions.filter(({ status }) => status === 'RECOMMENDED')).toMatchObject([{ version: '1.8.7', licence: 'MPL-2.0' }]);
  const blocked = versions.filter(({ status }) => status === 'BLOCKED');
  expect(blocked.map(({ version }) => version)).toEqual(expect.arrayContaining(['1.13.0', '1.14.0', '1.15.1', '1.16.1']));
  expect(blocked.every(({ blockedReason }) => Boolean(blockedReason))).toBe(true);
  const licences = versions.map(({ version, licence }) => [Number(version.split('.')[1]) >= 17, licence === 'BUSL-1.1']);
  expect(licences.every(([late, business]) => late === business)).toBe(true);
});

test('versions are ordered by their numbers', () => {
  expect(['1.9.17', '1.10.0', '1.8.7'].sort(compareVersionsDescending)).toEqual(['1.10.0', '1.9.17', '1.8.7']);
});
