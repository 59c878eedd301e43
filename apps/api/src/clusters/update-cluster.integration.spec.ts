import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterSchema } from '@managed-consul/api-contract';
import { startApi, type ApiUnderTest, type Person } from '../testing/api-under-test';

let api: ApiUnderTest;
let owner: Person;

beforeAll(async () => {
  api = await startApi();
  owner = await api.newPerson();
});
afterAll(() => api.stop());

/** A cluster that is there, as the worker leaves it. */
async function newCluster(more: object = {}): Promise<string> {
  const installationId = (await api.newInstallation(owner)).id;
  const body = { installationId, name: 'hello', email: 'ops@example.com', ...more };
  const { cluster, operation } = (await api.clientOf(owner).call('createCluster', { body })).body;
  const { prisma } = api.database;
  await prisma.operation.update({ where: { id: operation.id }, data: { state: 'Succeeded', finishedAt: new Date() } });
  const data = { provisioningState: 'Succeeded', observedConsulVersion: '1.8.7' } as const;
  await prisma.cluster.update({ where: { id: cluster.id }, data });
  return cluster.id;
}

const change = (id: string, body: object) => api.request(owner, 'PATCH', `/v1/clusters/${id}`, { body });
const read = async (id: string) => clusterSchema.parse((await api.request(owner, 'GET', `/v1/clusters/${id}`)).body);
const dueAt = async (clusterId: string, kind: string) =>
  (await api.database.prisma.clusterSchedule.findUnique({ where: { clusterId_kind: { clusterId, kind } } }))?.dueAt;
const HOUR = 3_600_000;

describe('an update', () => {
  test('changes when snapshots are taken, how long they are kept, and when upgrades begin', async () => {
    const id = await newCluster();
    const body = {
      snapshotIntervalSeconds: 7200,
      snapshotRetentionSeconds: 172_800,
      snapshotRetentionCount: 7,
      upgradePolicy: 'Automatic',
      maintenanceWindow: { weekday: 'Tuesday', hour: 2 },
      blackoutDates: ['2026-12-24'],
    };
    const answer = await change(id, body);
    expect(answer.status).toBe(200);
    const shown = await read(id);
    expect(shown).toMatchObject(body);
    const opensAt = new Date(shown.maintenance.windowOpensAt ?? 0);
    expect([opensAt.getUTCDay(), opensAt.getUTCHours()]).toEqual([2, 2]);
    const events = await api.clientOf(owner).call('listClusterEvents', { params: { id } });
    expect(events.body.value[0]?.message).toContain('snapshotIntervalSeconds, snapshotRetentionSeconds');
  });

  test('takes the maintenance window away with null, but not from under automatic upgrades', async () => {
    const maintenanceWindow = { weekday: 'Sunday', hour: 3 };
    const id = await newCluster({ upgradePolicy: 'Automatic', maintenanceWindow });
    const refused = await change(id, { maintenanceWindow: null });
    expect(refused.body.error?.details?.map(({ code }) => code)).toEqual(['MaintenanceWindowMissing']);
    const body = { maintenanceWindow: null, upgradePolicy: 'Manual' };
    expect((await change(id, body)).body).toMatchObject({ ...body, maintenance: { windowOpensAt: null } });
  });

  test('is held against what is there: retention may not become shorter than the interval', async () => {
    const id = await newCluster({ snapshotIntervalSeconds: 604_800 });
    const answer = await change(id, { snapshotRetentionSeconds: 86_400 });
    expect([answer.status, answer.body.error?.code]).toEqual([400, 'InvalidRequest']);
    expect(answer.body.error?.details?.map(({ code }) => code)).toEqual(['RetentionShorterThanInterval']);
  });

  test('to a shorter interval brings the next snapshot nearer, to a longer one leaves it where it is', async () => {
    const id = await newCluster();
    const tomorrow = new Date(Date.now() + 24 * HOUR);
    const data = ['snapshot', 'upgrade', 'observe'].map((kind) => ({ clusterId: id, kind, dueAt: tomorrow }));
    await api.database.prisma.clusterSchedule.createMany({ data });
    await change(id, { snapshotIntervalSeconds: 3600 });
    const nearer = (await dueAt(id, 'snapshot'))?.getTime() ?? 0;
    expect(nearer).toBeLessThanOrEqual(Date.now() + HOUR);
    await change(id, { snapshotIntervalSeconds: 86_400 });
    expect((await dueAt(id, 'snapshot'))?.getTime()).toBe(nearer);
    expect((await read(id)).backup.nextSnapshotAt).toBe(new Date(nearer).toISOString());
    expect(await dueAt(id, 'upgrade')).toEqual(tomorrow);
    await change(id, { blackoutDates: [] });
    expect((await dueAt(id, 'upgrade'))?.getTime()).toBeLessThanOrEqual(Date.now());
    expect(await dueAt(id, 'observe')).toEqual(tomorrow);
  });

  test('does not wait for an operation that leaves the cluster as it is, such as a snapshot', async () => {
    const id = await newCluster();
    const { installationId } = await read(id);
    const subject = `cluster/${id}`;
    const row = { kind: 'take-snapshot', subject, clusterId: id, installationId, requestedBy: 'tests', lane: 'Change' } as const;
    await api.database.prisma.operation.create({ data: { ...row, input: {}, wakeAt: new Date() } });
    expect((await change(id, { tags: { team: 'mesh' } })).status).toBe(200);
  });
});

describe('a cluster', () => {
  test('shows its newest good snapshot and its last drill', async () => {
    const id = await newCluster();
    const { installationId } = await read(id);
    const expiresAt = new Date(Date.now() + 1000 * HOUR);
    const taken = { clusterId: id, installationId, kind: 'MANUAL', requestedBy: 'tests', expiresAt } as const;
    const snapshot = (name: string, hour: number, more: object) =>
      api.database.prisma.snapshot.create({
        data: { ...taken, name, createdAt: new Date(Date.UTC(2026, 0, 1, hour)), ...more },
      });
    const verifiedAt = new Date('2026-01-01T02:00:05Z');
    const lastDrill = {
      at: '2026-01-02T00:00:00.000Z',
      passed: true,
      message: 'Read back.',
      keys: 3,
      services: 1,
      tokens: 4,
      took: 900,
    };
    const old = await snapshot('old', 1, { state: 'VERIFIED', verifiedAt, lastDrill });
    const good = await snapshot('good', 2, { state: 'VERIFIED', verifiedAt, sizeBytes: 4096n });
    await snapshot('failed', 3, { state: 'FAILED' });
    await snapshot('gone', 4, { state: 'VERIFIED', verifiedAt, deletedAt: new Date() });
    const { took: tookMilliseconds, ...drill } = lastDrill;
    expect((await read(id)).backup).toEqual({
      lastSnapshot: { id: good.id, name: 'good', verifiedAt: verifiedAt.toISOString(), sizeBytes: 4096 },
      lastDrill: { snapshotId: old.id, ...drill, tookMilliseconds },
      nextSnapshotAt: null,
    });
  });

  test('that has no snapshot yet says so, also in a list', async () => {
    const id = await newCluster();
    const { value } = (await api.clientOf(owner).call('listClusters', {})).body;
    const found = value.find((cluster) => cluster.id === id);
    expect(found?.backup).toEqual({ lastSnapshot: null, lastDrill: null, nextSnapshotAt: null });
    expect(found).toMatchObject({ powerState: 'Running', snapshotRetentionCount: 60, blackoutDates: [] });
  });
});
