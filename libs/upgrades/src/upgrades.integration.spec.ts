import { randomUUID } from 'node:crypto';
import type { Requester } from '@managed-consul/access';
import { registerConsulArtifact } from '@managed-consul/consul-versions';
import { openDatabase, type Database, type Prisma } from '@managed-consul/database';
import { createTestDatabase, FakeClock, seedCatalogue, type TestDatabase } from '@managed-consul/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deferUpgrades, listVersionsForUpgrade, previewUpgrade, requestAutomaticUpgrade, requestUpgrade } from './index';

const requester: Requester = { tenantId: randomUUID(), objectId: randomUUID(), groupIds: [], correlationId: randomUUID() };
/** A Sunday at half past three. */
const IN_WINDOW = new Date('2026-11-22T03:30:00Z');
const WINDOW = { upgradePolicy: 'Automatic', maintenanceWindow: { weekday: 'Sunday', hour: 3 } } as const;

let place: TestDatabase;
let database: Database;
let installationId: string;
let networks = 0;

beforeAll(async () => {
  place = await createTestDatabase();
  database = openDatabase({ url: place.url, maxConnections: 4 });
  await seedCatalogue(database);
  await database.prisma.consulVersion.create({ data: { version: '1.8.9', status: 'AVAILABLE', licence: 'MPL-2.0' } });
  for (const version of ['1.8.7', '1.8.9', '1.12.9']) {
    await registerConsulArtifact(database, { version, platform: 'linux-amd64', sha256: 'a'.repeat(64), sizeBytes: 1 });
  }
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

/** A cluster of three servers that run these versions. */
async function cluster(
  more: Partial<Prisma.ClusterUncheckedCreateInput> = {},
  run = ['1.8.7', '1.8.7', '1.8.7'],
): Promise<string> {
  networks += 1;
  const { id } = await database.prisma.cluster.create({
    data: {
      ...{ installationId, name: `cluster-${networks}`, provisioningState: 'Succeeded', datacenter: 'dc', region: 'westeurope' },
      ...{ consulVersion: '1.8.7', observedConsulVersion: '1.8.7', servers: 3, vmSize: 'Standard_D2s_v3', planId: 'on-demand' },
      ...{ networkCidr: `10.0.${networks}.0/24`, email: 'a@example.com', ...more },
      serverRecords: {
        create: run.map((consulVersion, index) => ({
          ...{ name: `server-${index}`, azureName: `vm-${index}`, instanceId: `${index}`, vmId: `vm-${index}`, consulVersion },
          ...{ address: `10.0.${networks}.${index + 4}`, raftRole: index === 0 ? 'leader' : 'voter' },
        })),
      },
    },
  });
  return id;
}

const request = (clusterId: string, consulVersion: string) =>
  database.prisma.$transaction((tx) => requestUpgrade(tx, { requester, clusterId, consulVersion }));

const automatic = (clusterId: string, now = IN_WINDOW) =>
  database.prisma.$transaction((tx) => requestAutomaticUpgrade(tx, clusterId, new FakeClock(now)));

test('a request records the hops, the row of the safety snapshot and the cluster as Updating', async () => {
  const id = await cluster();
  const { input, kind } = await request(id, '1.8.9');
  const [snapshot] = await database.prisma.snapshot.findMany({ where: { clusterId: id } });
  expect(snapshot).toMatchObject({ kind: 'SAFETY', state: 'QUEUED' });
  expect([kind, input]).toEqual(['upgrade-cluster', { hops: ['1.8.9'], safetySnapshotId: snapshot?.id, automatic: false }]);
  expect(await database.prisma.cluster.findUnique({ where: { id } })).toMatchObject({ provisioningState: 'Updating' });
  await expect(request(id, '1.8.9')).rejects.toMatchObject({ code: 'OperationInProgress' });
});

test.each([
  ['an earlier version', '1.8.0', 'UpgradeNotNewer'],
  ['the same version', '1.8.7', 'UpgradeNotNewer'],
  ['a version past a forbidden jump', '1.12.9', 'UpgradePathForbidden'],
  ['a version without a program', '1.10.12', 'VersionUnavailable'],
  ['an unknown version', '9.9.9', 'VersionUnavailable'],
  ['a blocked version', '1.13.0', 'VersionBlocked'],
])('%s is refused with a stable code, and nothing is recorded', async (_, version, code) => {
  const id = await cluster();
  await expect(request(id, version)).rejects.toMatchObject({ code, target: 'consulVersion' });
  expect(await database.prisma.snapshot.count({ where: { clusterId: id } })).toBe(0);
  expect(await database.prisma.operation.count({ where: { clusterId: id } })).toBe(0);
});

test('a secondary waits for every server of its primary, also in its window, and no longer than the primary lives', async () => {
  const primaryClusterId = await cluster({}, ['1.8.9', '1.8.7', '1.8.9']);
  const secondary = await cluster(WINDOW);
  const join = (clusterId: string, datacenter: string) =>
    database.prisma.federationMember.create({ data: { clusterId, primaryClusterId, datacenter } });
  await join(primaryClusterId, 'first');
  await join(secondary, 'second');
  const refused = { code: 'NewerThanPrimary', target: 'consulVersion' };
  await expect(request(secondary, '1.8.9')).rejects.toMatchObject(refused);
  expect((await automatic(secondary)).operation).toBeUndefined();
  const look = { caller: requester, clusterId: secondary, consulVersion: '1.8.9' };
  const preview = await database.prisma.$transaction((tx) => previewUpgrade(tx, look));
  expect(preview.obstacles).toMatchObject([
    { code: 'NewerThanPrimary', message: expect.stringMatching(/primary.*1\.8\.9 first/) },
  ]);
  expect(await database.prisma.snapshot.count({ where: { clusterId: secondary } })).toBe(0);
  await database.prisma.server.updateMany({ where: { clusterId: primaryClusterId }, data: { consulVersion: '1.8.9' } });
  expect((await automatic(secondary)).operation?.input).toMatchObject({ hops: ['1.8.9'] });

  const orphan = await cluster();
  await join(orphan, 'third');
  await database.prisma.server.updateMany({ where: { clusterId: primaryClusterId }, data: { consulVersion: '1.8.7' } });
  await expect(request(orphan, '1.8.9')).rejects.toMatchObject(refused);
  await database.prisma.cluster.update({ where: { id: primaryClusterId }, data: { deletedAt: new Date() } });
  await expect(request(orphan, '1.8.9')).resolves.toMatchObject({ kind: 'upgrade-cluster' });
});

test('someone without a role is told that there is no such cluster', async () => {
  const stranger = { ...requester, tenantId: randomUUID() };
  const clusterId = await cluster();
  const asked = database.prisma.$transaction((tx) =>
    requestUpgrade(tx, { requester: stranger, clusterId, consulVersion: '1.8.9' }),
  );
  await expect(asked).rejects.toMatchObject({ code: 'ResourceNotFound' });
});

test('an upgrade that failed half-way is taken up from what each server runs', async () => {
  const id = await cluster({ provisioningState: 'Failed' }, ['1.8.7', '1.8.9', '1.8.9']);
  await expect(request(id, '1.8.9')).resolves.toMatchObject({ input: { hops: ['1.8.9'] } });
});

test('a preview says what would happen and what stands in the way, and changes nothing', async () => {
  const id = await cluster({ powerState: 'Suspended' });
  await database.prisma.server.updateMany({ where: { clusterId: id, name: 'server-1' }, data: { healthy: false } });
  const look = (consulVersion: string) =>
    database.prisma.$transaction((tx) => previewUpgrade(tx, { caller: requester, clusterId: id, consulVersion }));
  const preview = await look('1.8.9');
  expect(preview).toMatchObject({ from: ['1.8.7'], hops: [{ version: '1.8.9' }], canGoBack: true, interruptsService: false });
  expect(preview.order).toEqual(['server-1', 'server-2', 'server-0']);
  expect(preview.obstacles.map(({ code }) => code)).toEqual(['Conflict', 'ServerUnhealthy']);
  expect(await look('1.12.9')).toMatchObject({ hops: [], canGoBack: false });
  expect(await database.prisma.operation.count({ where: { clusterId: id } })).toBe(0);
  const versions = await listVersionsForUpgrade(database.prisma, requester, id);
  expect(versions.find(({ version }) => version === '1.8.9')?.plan.kind).toBe('plan');
  expect(versions.map(({ version }) => version)).not.toContain('1.8.7');
});

test('in its window a cluster gets the newest patch of its line, once, and looks again a week later', async () => {
  const id = await cluster(WINDOW);
  const { operation, nextLook } = await automatic(id);
  expect(operation).toMatchObject({ kind: 'upgrade-cluster', requestedBy: 'schedule/upgrade' });
  expect(operation?.input).toMatchObject({ hops: ['1.8.9'], automatic: true });
  expect(nextLook).toEqual(new Date('2026-11-29T03:00:00Z'));
  expect(await automatic(id)).toEqual({ operation: undefined, nextLook: new Date('2026-11-22T03:35:00Z') });
});

test.each([
  ['out of its window', WINDOW, '2026-11-22T04:00:00Z', '2026-11-29T03:00:00Z'],
  ['on a blackout date', { ...WINDOW, blackoutDates: ['2026-11-22'] }, '2026-11-22T03:30:00Z', '2026-11-29T03:00:00Z'],
  [
    'while upgrades are put off',
    { ...WINDOW, upgradeDeferredUntil: new Date('2026-12-01T00:00:00Z') },
    '2026-11-22T03:30:00Z',
    '2026-12-06T03:00:00Z',
  ],
  [
    'when its upgrades are manual',
    { ...WINDOW, upgradePolicy: 'Manual' as const },
    '2026-11-22T03:30:00Z',
    '2026-11-23T03:30:00Z',
  ],
  [
    'after a change that failed',
    { ...WINDOW, provisioningState: 'Failed' as const },
    '2026-11-22T03:30:00Z',
    '2026-11-29T03:00:00Z',
  ],
  ['when it is suspended', { ...WINDOW, powerState: 'Suspended' as const }, '2026-11-22T03:30:00Z', '2026-11-29T03:00:00Z'],
])('a cluster is left alone %s', async (_, more, now, next) => {
  const id = await cluster(more);
  expect(await automatic(id, new Date(now))).toEqual({ operation: undefined, nextLook: new Date(next) });
});

test('a freeze keeps a window from being used until it is lifted; what the customer asks for is done all the same', async () => {
  const [id, other] = [await cluster(WINDOW), await cluster(WINDOW)];
  const until = new Date(IN_WINDOW.getTime() + 86_400_000);
  const why = { reason: 'The release is being watched.', ticket: 'OPS-3', actorId: 'lead' };
  const { tenantId } = requester;
  const freeze = await database.prisma.freeze.create({ data: { scope: 'Tenant', value: tenantId, until, ...why } });
  const frozen = await automatic(id);
  expect(frozen).toMatchObject({ operation: undefined, nextLook: new Date(IN_WINDOW.getTime() + 300_000) });
  expect((await request(other, '1.8.9')).kind).toBe('upgrade-cluster');
  await database.prisma.freeze.update({ where: { id: freeze.id }, data: { liftedAt: IN_WINDOW } });
  expect((await automatic(id)).operation).toBeDefined();
});

test('upgrades can be put off for a time, and that can be ended', async () => {
  const clusterId = await cluster(WINDOW);
  const clock = new FakeClock(IN_WINDOW);
  const defer = (until: string | null) =>
    database.prisma.$transaction((tx) =>
      deferUpgrades(tx, { requester, clusterId, until: until ? new Date(until) : null }, clock),
    );
  await defer('2026-12-01T00:00:00Z');
  expect((await automatic(clusterId)).operation).toBeUndefined();
  await expect(defer('2027-06-01T00:00:00Z')).rejects.toMatchObject({ code: 'InvalidRequest' });
  await expect(defer('2026-11-01T00:00:00Z')).rejects.toMatchObject({ code: 'InvalidRequest' });
  await defer(null);
  expect((await automatic(clusterId)).operation).toBeDefined();
});
