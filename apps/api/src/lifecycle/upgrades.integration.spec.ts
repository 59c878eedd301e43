import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  acceptedOperationSchema,
  clusterSchema,
  upgradePreviewSchema,
  upgradeVersionListSchema,
} from '@managed-consul/api-contract';
import { registerConsulArtifact } from '@managed-consul/consul-versions';
import type { Cluster } from '@managed-consul/database';
import { startApi, type ApiUnderTest, type Person, type RawAnswer } from '../testing/api-under-test';

let api: ApiUnderTest;
let owner: Person;

/** The catalogue knows many versions; these two can be installed beside the one that clusters run. */
const PATCH = '1.8.19';
const NEXT_LINE = '1.10.12';

beforeAll(async () => {
  api = await startApi();
  owner = await api.newPerson();
  for (const version of [PATCH, NEXT_LINE]) {
    const program = { version, platform: 'linux-amd64', sha256: 'a'.repeat(64), sizeBytes: 1 };
    await registerConsulArtifact(api.database, program);
  }
});
afterAll(() => api.stop());

const codeOf = ({ status, body }: RawAnswer) => [status, body.error?.code];
const post = (cluster: Cluster, action: string, body: object, headers = {}) =>
  api.request(owner, 'POST', `/v1/clusters/${cluster.id}/${action}`, { body, headers });

describe('the versions that a cluster can go to', () => {
  test('are told with the way there, and the others with what is in the way', async () => {
    const cluster = await api.newReadyCluster(owner);
    const answer = await api.request(owner, 'GET', `/v1/clusters/${cluster.id}/upgrade-versions`);
    const { value } = upgradeVersionListSchema.parse(answer.body);
    const find = (version: string) => value.find((candidate) => candidate.version === version);
    expect(find(PATCH)).toMatchObject({ hops: [{ version: PATCH }], obstacle: null });
    expect(find(NEXT_LINE)?.hops.at(-1)?.version).toBe(NEXT_LINE);
    expect(find(NEXT_LINE)?.hops.flatMap(({ warnings }) => warnings).length).toBeGreaterThan(0);
    expect(find('1.13.0')).toMatchObject({ hops: [], obstacle: { code: 'VersionBlocked' } });
    expect(find('1.21.5')?.obstacle?.code).toMatch(/^(UpgradePathForbidden|VersionUnavailable)$/);
    expect(find(cluster.consulVersion)).toBeUndefined();
  });
});

describe('the preview of an upgrade', () => {
  test('tells hops and order and what stands in the way, and stores nothing', async () => {
    const maintenanceWindow = { weekday: 'Sunday', hour: 3 };
    const cluster = await api.newReadyCluster(owner, { maintenanceWindow, servers: 1 });
    const before = await api.database.prisma.operation.count();
    const preview = async (consulVersion: string) =>
      upgradePreviewSchema.parse((await post(cluster, 'upgrade-preview', { consulVersion })).body);
    expect(await preview(PATCH)).toMatchObject({
      ...{ from: [cluster.consulVersion], to: PATCH, hops: [{ version: PATCH }], obstacles: [] },
      ...{ canGoBack: true, interruptsService: true },
    });
    expect(new Date((await preview(PATCH)).nextWindowOpensAt ?? 0).getUTCDay()).toBe(0);
    expect((await preview('1.8.0')).obstacles.map(({ code }) => code)).toEqual(['UpgradeNotNewer']);
    await api.database.prisma.cluster.update({ where: { id: cluster.id }, data: { powerState: 'Suspended' } });
    expect((await preview(PATCH)).obstacles.map(({ code }) => code)).toEqual(['Conflict']);
    expect(await api.database.prisma.operation.count()).toBe(before);
  });
});

describe('an upgrade', () => {
  test('is accepted with its safety snapshot, once for an Idempotency-Key', async () => {
    const cluster = await api.newReadyCluster(owner);
    const headers = { 'idempotency-key': randomUUID() };
    const answer = await post(cluster, 'upgrade', { consulVersion: PATCH }, headers);
    expect([answer.status, answer.headers.get('operation-location')]).toEqual([202, expect.stringContaining('/v1/operations/')]);
    const { operation } = acceptedOperationSchema.parse(answer.body);
    expect(operation.kind).toBe('upgrade-cluster');
    expect((await post(cluster, 'upgrade', { consulVersion: PATCH }, headers)).body).toEqual(answer.body);
    const { value } = (await api.clientOf(owner).call('listClusterSnapshots', { params: { id: cluster.id } })).body;
    expect(value.map(({ kind, state }) => [kind, state])).toEqual([['SAFETY', 'QUEUED']]);
    const { body } = await api.clientOf(owner).call('getCluster', { params: { id: cluster.id } });
    expect(body.provisioningState).toBe('Updating');
  });

  test.each([
    ['down', '1.8.0', [409, 'UpgradeNotNewer']],
    ['to what it runs', '1.8.7', [409, 'UpgradeNotNewer']],
    ['past a stop that has no program', '1.12.9', [409, expect.stringMatching(/^(UpgradePathForbidden|VersionUnavailable)$/)]],
    ['to a blocked version', '1.14.0', [409, 'VersionBlocked']],
    ['to what is not on offer', '1.8.18', [409, 'VersionUnavailable']],
    ['to what is no version', 'newest', [409, 'VersionUnavailable']],
  ])('%s is refused and stores nothing', async (_, consulVersion, expected) => {
    const cluster = await api.newReadyCluster(owner);
    expect(codeOf(await post(cluster, 'upgrade', { consulVersion }))).toEqual(expected);
    const { prisma } = api.database;
    expect(await prisma.snapshot.count({ where: { clusterId: cluster.id } })).toBe(0);
    expect((await prisma.cluster.findUniqueOrThrow({ where: { id: cluster.id } })).provisioningState).toBe('Succeeded');
  });

  test('past a forbidden jump is refused even when its program is there', async () => {
    const cluster = await api.newReadyCluster(owner);
    const program = { version: '1.16.6', platform: 'linux-amd64', sha256: 'b'.repeat(64), sizeBytes: 1 };
    await registerConsulArtifact(api.database, program);
    expect(codeOf(await post(cluster, 'upgrade', { consulVersion: '1.16.6' }))).toEqual([409, 'UpgradePathForbidden']);
  });

  test('of a revision that is gone is refused', async () => {
    const cluster = await api.newReadyCluster(owner);
    const answer = await post(cluster, 'upgrade', { consulVersion: PATCH }, { 'if-match': '"99"' });
    expect(codeOf(answer)).toEqual([412, 'PreconditionFailed']);
  });
});

describe('automatic upgrades', () => {
  test('are put off until a moment, which the window then respects, and no more with null', async () => {
    const cluster = await api.newReadyCluster(owner, { maintenanceWindow: { weekday: 'Sunday', hour: 3 } });
    const until = new Date(Date.now() + 30 * 86_400_000).toISOString();
    const deferred = await post(cluster, 'upgrade/defer', { until });
    const { maintenance, etag } = clusterSchema.parse(deferred.body);
    expect([deferred.status, maintenance.upgradesDeferredUntil, deferred.headers.get('etag')]).toEqual([200, until, etag]);
    expect((maintenance.windowOpensAt ?? '') >= until).toBe(true);
    const resumed = clusterSchema.parse((await post(cluster, 'upgrade/defer', { until: null })).body);
    expect(resumed.maintenance.upgradesDeferredUntil).toBeNull();
  });

  test.each([{ until: '2020-01-01T00:00:00Z' }, { until: '2999-01-01T00:00:00Z' }, { until: 'tomorrow' }, {}])(
    'cannot be put off with %o',
    async (body) => {
      const cluster = await api.newReadyCluster(owner);
      expect(codeOf(await post(cluster, 'upgrade/defer', body))).toEqual([400, 'InvalidRequest']);
    },
  );
});
