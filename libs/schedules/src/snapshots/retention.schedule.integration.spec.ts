import { randomUUID } from 'node:crypto';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { hours, minutes, seconds } from '@managed-consul/config';
import { openDatabase, type Database, type Prisma, type Transaction } from '@managed-consul/database';
import { requestOperation } from '@managed-consul/operations';
import { createTestDatabase, FakeClock, NotedBell, seedCatalogue, type TestDatabase, until } from '@managed-consul/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ScheduleDependencies, StillDue } from '../schedule';
import { retentionSchedule } from './retention.schedule';

const NOW = new Date('2026-06-01T00:00:00Z');
const at = (by: number): Date => new Date(NOW.getTime() + by);

let place: TestDatabase;
let database: Database;
let installationId: string;
let networks = 0;

beforeAll(async () => {
  place = await createTestDatabase();
  database = openDatabase({ url: place.url, maxConnections: 4 });
  await seedCatalogue(database);
  const installation = await database.prisma.installation.create({
    data: {
      ...{ kind: 'Direct', state: 'Ready', tenantId: randomUUID(), subscriptionId: randomUUID(), resourceGroup: 'place' },
      ...{ region: 'westeurope', planId: 'on-demand' },
    },
  });
  installationId = installation.id;
});
afterAll(async () => {
  await database.close();
  await place.drop();
});

async function newCluster(more: Partial<Prisma.ClusterUncheckedCreateInput> = {}): Promise<string> {
  networks += 1;
  const { id } = await database.prisma.cluster.create({
    data: {
      ...{ installationId, name: `cluster-${networks}`, provisioningState: 'Succeeded', datacenter: 'dc', region: 'westeurope' },
      ...{ consulVersion: '1.8.7', observedConsulVersion: '1.8.7', servers: 1, vmSize: 'Standard_D2s_v3', planId: 'on-demand' },
      ...{ networkCidr: `10.1.${networks}.0/24`, email: 'a@example.com', ...more },
    },
  });
  return id;
}

/** A verified snapshot, taken and past its time that many hours ago. */
async function newSnapshot(clusterId: string, takenHoursAgo: number, pastHours: number): Promise<string> {
  const { id } = await database.prisma.snapshot.create({
    data: {
      ...{ clusterId, installationId, consulVersion: '1.8.7', name: `snapshot-${randomUUID()}`, kind: 'SCHEDULED' },
      ...{ state: 'VERIFIED', requestedBy: 'tests', createdAt: at(-hours(takenHoursAgo)), expiresAt: at(-hours(pastHours)) },
    },
  });
  return id;
}

/** Locks the cluster's row, does `change`, and holds both until it is told to let go. */
async function holdCluster(clusterId: string, change: (tx: Transaction) => Promise<unknown>) {
  const [held, over] = [Promise.withResolvers<number>(), Promise.withResolvers<undefined>()];
  const ended = database.prisma.$transaction(
    async (tx) => {
      await tx.$queryRaw`SELECT id FROM clusters WHERE id = ${clusterId}::uuid FOR UPDATE`;
      await change(tx);
      const [session] = await tx.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
      held.resolve(session?.pid ?? 0);
      await over.promise;
    },
    { timeout: 60_000 },
  );
  return { holds: await held.promise, letGo: () => over.resolve(undefined), ended };
}

/** Whether some session waits for a lock of that one. */
async function isWaitedFor(pid: number): Promise<boolean> {
  const waiting = await database.prisma.$queryRaw<
    object[]
  >`SELECT pid FROM pg_stat_activity WHERE ${pid}::int = ANY(pg_blocking_pids(pid))`;
  return waiting.length > 0;
}

/** One look; gives the next one and the ids of the snapshots whose removal was asked for. */
async function look(clusterId: string, now = NOW): Promise<{ next: Date | StillDue | undefined; going: (string | undefined)[] }> {
  const bell = new NotedBell();
  const dependencies = { database, bell, clock: new FakeClock(now) } as unknown as ScheduleDependencies;
  const next = await retentionSchedule(dependencies).run(clusterId, { now, dueAt: now, signal: AbortSignal.timeout(10_000) });
  const ids = bell.rung.map(({ id }) => id);
  const operations = await database.prisma.operation.findMany({
    where: { id: { in: ids }, kind: OPERATION_KINDS.deleteSnapshot },
  });
  return { next, going: operations.map(({ input }) => (input as { snapshotId: string }).snapshotId) };
}

test('the last good snapshot of a living cluster stays, whatever its age; with the cluster gone it goes too', async () => {
  const clusterId = await newCluster();
  const older = await newSnapshot(clusterId, 48, 24);
  const last = await newSnapshot(clusterId, 47, 23);
  await database.prisma.snapshot.update({ where: { id: await newSnapshot(clusterId, 1, -1) }, data: { state: 'FAILED' } });
  expect(await look(clusterId)).toEqual({ next: at(hours(1)), going: [older] });
  await database.prisma.snapshot.update({ where: { id: older }, data: { deletedAt: NOW } });
  expect((await look(clusterId)).going).toEqual([]);
  await database.prisma.cluster.update({ where: { id: clusterId }, data: { deletedAt: NOW } });
  expect((await look(clusterId)).going).toEqual([last]);
});

test('a snapshot that something uses waits for the next look, which comes sooner', async () => {
  const clusterId = await newCluster();
  const used = await newSnapshot(clusterId, 48, 24);
  await newSnapshot(clusterId, 1, -1);
  const restore = await database.prisma.$transaction((tx) =>
    requestOperation(tx, {
      ...{ kind: OPERATION_KINDS.restoreCluster, subject: `cluster/${clusterId}`, clusterId, installationId },
      ...{ lane: 'Change', input: { snapshotId: used }, requestedBy: 'tests' },
    }),
  );
  expect(await look(clusterId)).toEqual({ next: at(minutes(10)), going: [] });
  await database.prisma.operation.update({ where: { id: restore.id }, data: { state: 'Succeeded', finishedAt: NOW } });
  expect((await look(clusterId)).going).toEqual([used]);
});

test('what became the last good snapshot since the look is not let go', async () => {
  const clusterId = await newCluster();
  const older = await newSnapshot(clusterId, 48, 24);
  const newer = await newSnapshot(clusterId, 1, -1);
  // The newer one is deleted by hand at the same moment: its rows are locked when the look at them is over.
  const { holds, letGo, ended } = await holdCluster(clusterId, (tx) =>
    tx.snapshot.update({ where: { id: newer }, data: { state: 'DELETING' } }),
  );
  const looking = look(clusterId);
  await until(() => isWaitedFor(holds), { within: seconds(30) });
  letGo();
  await ended;
  expect((await looking).going).not.toContain(older);
  expect(await database.prisma.snapshot.findUnique({ where: { id: older } })).toMatchObject({ state: 'VERIFIED' });
});

test('a removal that failed is asked for again, and the looks end with the last snapshot of a cluster that is gone', async () => {
  const clusterId = await newCluster({ deletedAt: NOW });
  const id = await newSnapshot(clusterId, 48, 24);
  expect((await look(clusterId)).going).toEqual([id]);
  await database.prisma.operation.updateMany({ where: { clusterId }, data: { state: 'Failed', finishedAt: NOW } });
  expect(await look(clusterId)).toEqual({ next: at(minutes(10)), going: [id] });
  await database.prisma.snapshot.update({ where: { id }, data: { deletedAt: NOW } });
  expect((await look(clusterId)).next).toBeUndefined();
});
