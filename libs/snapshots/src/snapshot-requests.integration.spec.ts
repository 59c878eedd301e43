import { randomUUID } from 'node:crypto';
import type { Requester } from '@managed-consul/access';
import { openDatabase, type Database, type Prisma, type Transaction } from '@managed-consul/database';
import { createTestDatabase, seedCatalogue, type TestDatabase } from '@managed-consul/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  requestDeleteSnapshot,
  requestDrill,
  requestRenameSnapshot,
  requestRestore,
  requestSnapshotLink,
  requestTakeSnapshot,
} from './index';

const newRequester = (): Requester => ({
  ...{ tenantId: randomUUID(), objectId: randomUUID(), groupIds: [], correlationId: randomUUID() },
});
const requester = newRequester();

let place: TestDatabase;
let database: Database;
let installationId: string;
let networks = 0;

beforeAll(async () => {
  place = await createTestDatabase();
  database = openDatabase({ url: place.url, maxConnections: 4 });
  await seedCatalogue(database);
  const { tenantId, objectId } = requester;
  const installation = await database.prisma.installation.create({
    data: {
      ...{ kind: 'Direct', state: 'Ready', tenantId, subscriptionId: randomUUID(), resourceGroup: 'place', region: 'westeurope' },
      planId: 'on-demand',
      roleAssignments: { create: { tenantId, principalId: objectId, role: 'Owner' } },
    },
  });
  installationId = installation.id;
});
afterAll(async () => {
  await database.close();
  await place.drop();
});

const within = <Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> =>
  database.prisma.$transaction<Result>(work);

async function newCluster(): Promise<string> {
  networks += 1;
  const { id } = await database.prisma.cluster.create({
    data: {
      ...{ installationId, name: `cluster-${networks}`, provisioningState: 'Succeeded', datacenter: 'dc', region: 'westeurope' },
      ...{ consulVersion: '1.8.7', observedConsulVersion: '1.8.7', servers: 1, vmSize: 'Standard_D2s_v3', planId: 'on-demand' },
      ...{ networkCidr: `10.0.${networks}.0/24`, email: 'a@example.com' },
      serverRecords: { create: [{ name: 's', azureName: 's', instanceId: '0', vmId: 'vm-0', address: '10.0.0.4' }] },
    },
  });
  return id;
}

async function newSnapshot(clusterId: string, more: Partial<Prisma.SnapshotUncheckedCreateInput> = {}): Promise<string> {
  const { id } = await database.prisma.snapshot.create({
    data: {
      ...{ clusterId, installationId, consulVersion: '1.8.7', name: `snapshot-${randomUUID()}`, kind: 'MANUAL' },
      ...{ state: 'VERIFIED', requestedBy: 'tests', expiresAt: new Date('2100-01-01T00:00:00Z'), ...more },
    },
  });
  return id;
}

const requestDelete = (snapshotId: string) => within((tx) => requestDeleteSnapshot(tx, { requester, snapshotId }));
const stateOf = async (id: string) => (await database.prisma.snapshot.findUniqueOrThrow({ where: { id } })).state;

test('a snapshot that a restore uses cannot be deleted until the restore has ended, and the refusal names it', async () => {
  const clusterId = await newCluster();
  const [used, other] = [await newSnapshot(clusterId), await newSnapshot(clusterId)];
  const restore = await within((tx) => requestRestore(tx, { requester, clusterId, snapshotId: used }));
  await expect(requestDelete(used)).rejects.toMatchObject({ code: 'OperationInProgress', target: restore.id });
  expect(await stateOf(used)).toBe('VERIFIED');
  await requestDelete(other);
  expect(await stateOf(other)).toBe('DELETING');
  await database.prisma.operation.update({ where: { id: restore.id }, data: { state: 'Succeeded', finishedAt: new Date() } });
  await requestDelete(used);
  expect(await stateOf(used)).toBe('DELETING');
});

test('a snapshot that is being taken cannot be deleted', async () => {
  const clusterId = await newCluster();
  const { snapshot, operation } = await within((tx) => requestTakeSnapshot(tx, { requester, clusterId }));
  await expect(requestDelete(snapshot.id)).rejects.toMatchObject({ code: 'OperationInProgress', target: operation.id });
  expect(await stateOf(snapshot.id)).toBe('QUEUED');
});

test('a delete stops a drill of the snapshot, is recorded once, and cannot be followed by another name', async () => {
  const snapshotId = await newSnapshot(await newCluster());
  const drill = await within((tx) => requestDrill(tx, { requester, snapshotId }));
  const [one, other] = await Promise.all([requestDelete(snapshotId), requestDelete(snapshotId)]);
  expect(one.id).toBe(other.id);
  expect((await database.prisma.operation.findUniqueOrThrow({ where: { id: drill.id } })).cancelRequestedAt).not.toBeNull();
  const rename = within((tx) => requestRenameSnapshot(tx, { requester, snapshotId, name: 'late' }));
  await expect(rename).rejects.toMatchObject({ code: 'Conflict' });
});

test('of two renames to one name at the same time one is refused; another cluster may use it', async () => {
  const clusterId = await newCluster();
  const ids = [await newSnapshot(clusterId), await newSnapshot(clusterId)];
  const rename = (snapshotId: string, name: string) => within((tx) => requestRenameSnapshot(tx, { requester, snapshotId, name }));
  const ended = await Promise.allSettled([rename(ids[0] ?? '', 'Best'), rename(ids[1] ?? '', 'best')]);
  expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(ended.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'SnapshotNameExists' } });
  expect((await rename(await newSnapshot(await newCluster()), 'best')).name).toBe('best');
});

test("another tenant's snapshot does not exist, whatever is asked of it, and nothing is recorded", async () => {
  const clusterId = await newCluster();
  const snapshotId = await newSnapshot(clusterId, { name: 'theirs' });
  const wish = { requester: newRequester(), snapshotId };
  const asked: ((tx: Transaction) => Promise<unknown>)[] = [
    (tx) => requestDeleteSnapshot(tx, wish),
    (tx) => requestRenameSnapshot(tx, { ...wish, name: 'mine' }),
    (tx) => requestDrill(tx, wish),
    (tx) => requestSnapshotLink(tx, wish),
  ];
  for (const ask of asked) await expect(within(ask)).rejects.toMatchObject({ code: 'ResourceNotFound' });
  const found = await database.prisma.snapshot.findUniqueOrThrow({ where: { id: snapshotId } });
  expect(found).toMatchObject({ name: 'theirs', state: 'VERIFIED' });
  expect(await database.prisma.operation.count({ where: { clusterId } })).toBe(0);
});
