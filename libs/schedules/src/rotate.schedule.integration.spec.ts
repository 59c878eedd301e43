import { randomUUID } from 'node:crypto';
import { secretOwnerOf } from '@managed-consul/clusters';
import { hours, minutes } from '@managed-consul/config';
import { openDatabase, type Database, type Prisma } from '@managed-consul/database';
import { createTestDatabase, FakeClock, NotedBell, seedCatalogue, type TestDatabase } from '@managed-consul/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rotateSchedule } from './rotate.schedule';
import type { ScheduleDependencies, StillDue } from './schedule';

const DAY = hours(24);
const MADE = new Date('2026-01-01T00:00:00Z');
const day = (count: number): Date => new Date(MADE.getTime() + count * DAY);

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

/** A cluster of one server whose certificate lives for 360 days. */
async function cluster(more: Partial<Prisma.ClusterUncheckedCreateInput> = {}): Promise<string> {
  networks += 1;
  const { id } = await database.prisma.cluster.create({
    data: {
      ...{
        installationId,
        name: randomUUID().slice(0, 8),
        provisioningState: 'Succeeded',
        datacenter: 'dc',
        region: 'westeurope',
      },
      ...{ consulVersion: '1.8.7', observedConsulVersion: '1.8.7', servers: 1, vmSize: 'Standard_D2s_v3', planId: 'on-demand' },
      ...{ networkCidr: `10.0.${networks}.0/24`, email: 'a@example.com', createdAt: MADE, ...more },
      serverRecords: { create: [{ name: 's', azureName: 's', instanceId: '0', vmId: 'vm-0', address: '10.0.0.4' }] },
    },
  });
  const certificate = { owner: secretOwnerOf(id), subject: 'CN=x', pem: 'x', notBefore: MADE };
  await database.prisma.certificate.createMany({
    data: [
      { ...certificate, purpose: 'ca', serial: '1', notAfter: day(3650) },
      { ...certificate, purpose: 'server/vm-0', serial: '2', notAfter: day(360) },
      // Of a server that is gone: it ends before the others, and nobody needs it.
      { ...certificate, purpose: 'server/vm-9', serial: '3', notAfter: day(30) },
    ],
  });
  return id;
}

async function look(clusterId: string, now: Date): Promise<{ next: Date | StillDue | undefined; rung: string[] }> {
  const bell = new NotedBell();
  const dependencies = { database, bell, clock: new FakeClock(now) } as unknown as ScheduleDependencies;
  const next = await rotateSchedule(dependencies).run(clusterId, { now, dueAt: now, signal: AbortSignal.timeout(10_000) });
  return { next, rung: bell.rung.map(({ id }) => id) };
}

const operationsOf = (clusterId: string) => database.prisma.operation.findMany({ where: { clusterId } });

test('nothing is asked for while everything is young, and the next look is no later than a day', async () => {
  const id = await cluster();
  expect(await look(id, day(100))).toEqual({ next: day(101), rung: [] });
  expect((await look(id, new Date(day(240).getTime() - hours(3)))).next).toEqual(day(240));
  expect(await operationsOf(id)).toEqual([]);
});

test('certificates are renewed when a third of their life is left, once, and the customer reads why', async () => {
  const id = await cluster();
  const { rung } = await look(id, day(241));
  const [operation, ...more] = await operationsOf(id);
  expect(more).toEqual([]);
  expect(operation).toMatchObject({ id: rung[0], kind: 'rotate-server-certificates', requestedBy: 'schedule/rotate' });
  // While it is under way there is nothing more to ask for.
  const lookAgainAt = new Date(day(242).getTime() + minutes(30));
  expect(await look(id, day(242))).toEqual({ next: { lookAgainAt }, rung: [] });
  expect(await operationsOf(id)).toHaveLength(1);
  const [event] = await database.prisma.clusterEvent.findMany({ where: { clusterId: id } });
  expect(event?.message).toBe("The service renews the servers' certificates: the last third of its time has begun.");
});

test('a rotation that failed is asked for again after a day, not at once', async () => {
  const id = await cluster();
  await look(id, day(241));
  await database.prisma.operation.updateMany({ where: { clusterId: id }, data: { state: 'Failed', finishedAt: day(241) } });
  expect(await look(id, new Date(day(241).getTime() + hours(1)))).toMatchObject({ next: day(242), rung: [] });
  expect((await look(id, day(242))).rung).toHaveLength(1);
});

test('a suspended cluster waits, and one that is gone needs no more looks', async () => {
  const suspended = await cluster({ powerState: 'Suspended' });
  expect(await look(suspended, day(300))).toEqual({ next: new Date(day(300).getTime() + minutes(30)), rung: [] });
  const gone = await cluster({ deletedAt: day(10), provisioningState: 'Deleted' });
  expect(await look(gone, day(300))).toEqual({ next: undefined, rung: [] });
});
