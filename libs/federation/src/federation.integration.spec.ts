import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Requester } from '@managed-consul/access';
import { requestDeleteCluster, requestRotation } from '@managed-consul/clusters';
import { systemClock } from '@managed-consul/config';
import { openDatabase, type Database, type Transaction } from '@managed-consul/database';
import type { AppError } from '@managed-consul/errors';
import { LocalKeyFile, SecretStore } from '@managed-consul/secrets';
import { createTestDatabase, seedCatalogue, type TestDatabase } from '@managed-consul/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFederationToken, FEDERATION_TOKEN_LIFETIME, getFederation, requestSecondaryCluster } from './index';

const newRequester = (tenantId: string = randomUUID()): Requester => ({
  ...{ tenantId, objectId: randomUUID(), groupIds: [], correlationId: randomUUID() },
});
const alice = newRequester();

let folder: string;
let place: TestDatabase;
let database: Database;
let secrets: SecretStore;
let networks = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'managed-consul-federation-'));
  const keyFile = join(folder, 'key');
  await writeFile(keyFile, randomBytes(32).toString('base64'), { mode: 0o600 });
  place = await createTestDatabase();
  database = openDatabase({ url: place.url, maxConnections: 4 });
  await seedCatalogue(database);
  for (const version of ['1.8.7', '1.8.19']) await offer(version);
  secrets = new SecretStore(database.prisma, await LocalKeyFile.load(keyFile));
});
afterAll(async () => {
  await database.close();
  await place.drop();
  await rm(folder, { recursive: true });
});

/** Puts a version on offer, with a program. */
async function offer(version: string): Promise<void> {
  const { prisma } = database;
  const create = { version, status: 'AVAILABLE', licence: 'MPL-2.0' } as const;
  await prisma.consulVersion.upsert({ where: { version }, create, update: {} });
  const program = { version, platform: 'linux-amd64', sha256: '0'.repeat(64), sizeBytes: 1 };
  await prisma.consulArtifact.createMany({ data: [program], skipDuplicates: true });
}

const within = <Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> =>
  database.prisma.$transaction<Result>(work);

/** In a place of its own, as clusters of managed applications are. */
async function newPlace({ tenantId, objectId }: Requester): Promise<string> {
  const facts = { kind: 'Direct', state: 'Ready', tenantId, subscriptionId: randomUUID(), resourceGroup: 'place' } as const;
  const roleAssignments = { create: { tenantId, principalId: objectId, role: 'Owner' as const } };
  const data = { ...facts, region: 'westeurope', planId: 'on-demand', roleAssignments };
  return (await database.prisma.installation.create({ data })).id;
}

async function newCluster(owner = alice, more: { consulVersion?: string; datacenter?: string } = {}): Promise<string> {
  networks += 1;
  const { consulVersion = '1.8.7', datacenter = 'dc1' } = more;
  const { id } = await database.prisma.cluster.create({
    data: {
      ...{ installationId: await newPlace(owner), name: `cluster-${networks}`, provisioningState: 'Succeeded', datacenter },
      ...{ region: 'westeurope', consulVersion, observedConsulVersion: consulVersion, servers: 1, vmSize: 'Standard_D2s_v3' },
      ...{ planId: 'on-demand', networkCidr: `10.0.${networks}.0/24`, email: 'a@example.com' },
    },
  });
  return id;
}

const endOperations = (clusterId: string) =>
  database.prisma.operation.updateMany({ where: { clusterId }, data: { state: 'Succeeded', finishedAt: new Date() } });

const tokenOf = async (clusterId: string, requester = alice): Promise<string> => {
  const { federationToken } = await within((tx) => createFederationToken(tx, secrets, { requester, clusterId }));
  await endOperations(clusterId);
  return federationToken.reveal();
};

async function requestSecondary(
  federationToken: string,
  more: Record<string, unknown> = {},
  requester = alice,
  clock = systemClock,
) {
  const number = (networks += 1);
  const installationId = await newPlace(requester);
  const network = { networkCidr: `10.0.${number}.0/24` };
  const draft = { installationId, name: `secondary-${number}`, email: 'a@example.com', servers: 1, ...network, ...more };
  const { created } = await requestSecondaryCluster(database, secrets, { requester, draft, federationToken }, clock);
  if (!created) throw new Error('A request without a key was answered as a repetition.');
  return created;
}

/** What was wrong, by code, as the customer reads it. */
const problemsOf = async (refused: Promise<unknown>): Promise<string[]> => {
  const error = await refused.then(
    () => undefined,
    (thrown: unknown) => thrown as { details?: readonly { code: string }[] },
  );
  return (error?.details ?? []).map(({ code }) => code);
};

test('the first token opens the cluster for other datacenters, further ones while that is under way ask for nothing more', async () => {
  const clusterId = await newCluster();
  const make = () => within((tx) => createFederationToken(tx, secrets, { requester: alice, clusterId }));
  const first = await make();
  expect(first).toMatchObject({ primaryDatacenter: 'dc1', operation: { kind: 'open-federation' } });
  expect((await make()).operation).toBeUndefined();
  await database.prisma.operation.updateMany({ where: { clusterId }, data: { state: 'Failed' } });
  expect((await make()).operation, 'an opening that failed is asked for again').toBeDefined();
  await endOperations(clusterId);
  await database.prisma.federationMember.update({ where: { clusterId }, data: { openedAt: new Date() } });
  expect((await make()).operation, 'an open cluster needs no opening').toBeUndefined();
});

test('both sides tell the same federation; neither tells it to strangers', async () => {
  const primaryId = await newCluster();
  const federationToken = await tokenOf(primaryId);
  const { cluster, operation } = await requestSecondary(federationToken, { datacenter: 'dc2' });
  expect(operation).toMatchObject({ kind: 'create-secondary', input: { primaryClusterId: primaryId } });
  const told = await getFederation(database.prisma, { requester: alice, clusterId: primaryId });
  expect(told).toMatchObject({
    state: 'Running',
    primary: { id: primaryId, datacenter: 'dc1', resourceGroup: 'place' },
    secondaries: [{ id: cluster.id, datacenter: 'dc2', joinedAt: null }],
  });
  expect(await getFederation(database.prisma, { requester: alice, clusterId: cluster.id })).toEqual(told);
  const alone = await newCluster();
  expect((await getFederation(database.prisma, { requester: alice, clusterId: alone })).state).toBe('NotFederated');
  const asStranger = getFederation(database.prisma, { requester: newRequester(), clusterId: primaryId });
  await expect(asStranger).rejects.toMatchObject({ code: 'ResourceNotFound' });
});

test('a primary that has secondaries is not deleted, and what the datacenters share is not renewed in one alone', async () => {
  const primaryId = await newCluster();
  const { cluster } = await requestSecondary(await tokenOf(primaryId));
  const remove = () => within((tx) => requestDeleteCluster(tx, { requester: alice, clusterId: primaryId }));
  await expect(remove()).rejects.toMatchObject({ code: 'FederationHasSecondaries' });
  const rotate = within((tx) => requestRotation(tx, { requester: alice, clusterId: primaryId, what: 'GossipKey' }));
  await expect(rotate).rejects.toMatchObject({ code: 'ClusterFederated' });
  await database.prisma.federationMember.delete({ where: { clusterId: cluster.id } });
  await expect(remove()).resolves.toBeTypeOf('string');
});

test('a token that was made up, of another tenant, of a cluster that goes, or too old lets nobody in', async () => {
  const primaryId = await newCluster();
  const federationToken = await tokenOf(primaryId);
  const forged = `${federationToken.slice(0, -1)}${federationToken.endsWith('A') ? 'B' : 'A'}`;
  for (const text of ['', 'token', forged])
    expect(await problemsOf(requestSecondary(text)), text).toEqual(['FederationTokenInvalid']);
  expect(await problemsOf(requestSecondary(federationToken, {}, newRequester()))).toEqual(['FederationTokenInvalid']);
  const later = { now: () => new Date(Date.now() + FEDERATION_TOKEN_LIFETIME + 1000) };
  const expired = requestSecondary(federationToken, {}, alice, { ...systemClock, ...later });
  expect(await problemsOf(expired)).toEqual(['FederationTokenExpired']);
  await within((tx) => requestDeleteCluster(tx, { requester: alice, clusterId: primaryId }));
  expect(await problemsOf(requestSecondary(federationToken))).toEqual(['FederationTokenInvalid']);
  expect(await database.prisma.federationMember.count({ where: { primaryClusterId: primaryId } })).toBe(1);
});

test('a secondary has a datacenter and a network of its own and is not newer than its primary; every problem is told at once', async () => {
  const primaryId = await newCluster(alice, { datacenter: 'dc1' });
  const { networkCidr } = await database.prisma.cluster.findUniqueOrThrow({ where: { id: primaryId } });
  const federationToken = await tokenOf(primaryId);
  const wrong = { datacenter: 'dc1', networkCidr, consulVersion: '1.8.19' };
  const told = await problemsOf(requestSecondary(federationToken, wrong));
  expect(told).toEqual(expect.arrayContaining(['NewerThanPrimary', 'DatacenterExists', 'NetworkOverlap']));
});

test('of two secondaries that ask for one datacenter at the same moment, one is made', async () => {
  const federationToken = await tokenOf(await newCluster());
  const both = await Promise.allSettled([1, 2].map(() => requestSecondary(federationToken, { datacenter: 'dc2' })));
  expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const [refused] = both.flatMap((one) => (one.status === 'rejected' ? [one.reason as AppError] : []));
  // By the look before the write, or by the write itself: that depends on how close they come.
  expect([refused?.target, ...(refused?.details ?? []).map(({ target }) => target)]).toContain('datacenter');
});

test('a secondary makes no federation tokens', async () => {
  const { cluster } = await requestSecondary(await tokenOf(await newCluster()));
  await endOperations(cluster.id);
  const data = { provisioningState: 'Succeeded', observedConsulVersion: '1.8.7' } as const;
  await database.prisma.cluster.update({ where: { id: cluster.id }, data });
  const made = within((tx) => createFederationToken(tx, secrets, { requester: alice, clusterId: cluster.id }));
  await expect(made).rejects.toMatchObject({ code: 'Conflict' });
});
