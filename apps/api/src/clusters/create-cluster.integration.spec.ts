import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acceptedClusterSchema, preflightResultSchema } from '@managed-consul/api-contract';
import { until } from '@managed-consul/testing';
import { startApi, type ApiUnderTest, type Person } from '../testing/api-under-test';

let api: ApiUnderTest;
let owner: Person;

beforeAll(async () => {
  api = await startApi();
  owner = await api.newPerson();
});
afterAll(() => api.stop());

const spec = async (change: Record<string, unknown> = {}) => ({
  installationId: (await api.newInstallation(owner)).id,
  name: 'hello',
  email: 'ops@example.com',
  ...change,
});

describe('a create', () => {
  test('is accepted with cluster, operation and where to follow it', async () => {
    const body = await spec();
    const answer = await api.request(owner, 'POST', '/v1/clusters', { body });
    expect(answer.text).toContain('provisioningState');
    expect(answer.status).toBe(202);
    const { cluster, operation } = acceptedClusterSchema.parse(answer.body);
    expect(cluster).toMatchObject({
      name: 'hello',
      datacenter: 'hello',
      region: 'westeurope',
      consulVersion: '1.8.7',
      servers: 3,
      provisioningState: 'Accepted',
      plan: 'on-demand',
    });
    expect(operation).toMatchObject({ kind: 'create-cluster', status: 'Pending', clusterId: cluster.id });
    expect(answer.headers.get('operation-location')).toBe(`https://api.example.com/v1/operations/${operation.id}`);
    expect(answer.headers.get('location')).toBe(`https://api.example.com/v1/operations/${operation.id}/result`);
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(answer.headers.get('etag')).toBe('"1"');
  });

  test('is one transaction of cluster, operation, audit row and event, and rings the bell', async () => {
    const answer = await api.clientOf(owner).call('createCluster', { body: await spec() });
    const { cluster, operation } = answer.body;
    const { prisma } = api.database;
    expect(await prisma.operation.findUnique({ where: { id: operation.id } })).toMatchObject({
      subject: `cluster/${cluster.id}`,
      lane: 'Change',
      requestedBy: `${owner.tenantId}/${owner.objectId}`,
    });
    expect(await prisma.auditEvent.findMany({ where: { clusterId: cluster.id } })).toMatchObject([
      { action: 'create-cluster', actorId: owner.objectId, actorTenantId: owner.tenantId, operationId: operation.id },
    ]);
    expect(await prisma.clusterEvent.findMany({ where: { clusterId: cluster.id } })).toMatchObject([{ type: 'CreateRequested' }]);
    await until(async () => (await api.bells()).includes(operation.id), { within: 10_000 });
  });

  test('tells every problem at once, of shape, of rules and of what exists', async () => {
    const taken = await spec({ name: 'first', networkCidr: '10.1.0.0/16' });
    await api.clientOf(owner).call('createCluster', { body: taken });
    const body = {
      installationId: taken.installationId,
      name: 'FIRST',
      datacenter: 'No Good',
      region: 'atlantis',
      consulVersion: '9.9.9',
      servers: 2,
      vmSize: 'Standard_Nope',
      networkCidr: '10.1.2.0/24',
      endpointVisibility: 'Everywhere',
      snapshotIntervalSeconds: 1,
      snapshotRetentionSeconds: 1,
      upgradePolicy: 'Sometimes',
      maintenanceWindow: { weekday: 'Sunday', hour: 24 },
      email: 'nobody',
      tags: { 'a/b': 'x' },
      plan: 'free',
      colour: 'blue',
    };
    const answer = await api.request(owner, 'POST', '/v1/clusters', { body });
    expect(answer.status).toBe(400);
    expect(answer.body.error?.code).toBe('InvalidRequest');
    expect(answer.body.error?.details?.map(({ code, target }) => `${target}: ${code}`).sort()).toEqual([
      'colour: UnknownField',
      'consulVersion: UnknownConsulVersion',
      'datacenter: InvalidDatacenter',
      'email: InvalidEmail',
      'endpointVisibility: InvalidValue',
      'maintenanceWindow.hour: OutOfRange',
      'name: NameAlreadyExists',
      'networkCidr: NetworkOverlap',
      'plan: UnknownPlan',
      'region: UnknownRegion',
      'servers: UnsupportedServerCount',
      'snapshotIntervalSeconds: OutOfRange',
      'snapshotRetentionSeconds: OutOfRange',
      'tags.a/b: InvalidTagName',
      'upgradePolicy: InvalidValue',
      'vmSize: UnknownVmSize',
    ]);
  });

  test.each<[string, Record<string, unknown>, number, string]>([
    ['a name out of its alphabet', { name: 'no_underscore' }, 400, 'InvalidName'],
    ['a number as name', { name: 7 }, 400, 'InvalidValue'],
    ['no email', { email: undefined }, 400, 'Required'],
    ['half a server', { servers: 1.5 }, 400, 'InvalidValue'],
    ['four servers', { servers: 4 }, 400, 'UnsupportedServerCount'],
    ['an unknown region', { region: 'atlantis' }, 400, 'UnknownRegion'],
    ['an unknown version', { consulVersion: '1.99.0' }, 400, 'UnknownConsulVersion'],
    ['a version without a program', { consulVersion: '1.16.6' }, 400, 'ConsulVersionUnavailable'],
    ['an unknown size', { vmSize: 'Standard_A0' }, 400, 'UnknownVmSize'],
    ['a public range', { networkCidr: '52.0.0.0/16' }, 400, 'NetworkRangeNotPrivate'],
    ['a range that is text', { networkCidr: "'; DROP TABLE clusters; --" }, 400, 'InvalidNetworkRange'],
    ['an unknown weekday', { maintenanceWindow: { weekday: 'Someday', hour: 3 } }, 400, 'InvalidValue'],
    ['16 tags', { tags: Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`t${n}`, 'x'])) }, 400, 'TooManyTags'],
    ['an id that is no UUID', { installationId: '1' }, 400, 'InvalidValue'],
  ])('with %s is refused with a stable code and what to do', async (_, change, status, code) => {
    const answer = await api.request(owner, 'POST', '/v1/clusters', { body: await spec(change) });
    expect(answer.status).toBe(status);
    expect(answer.body.error?.code).toBe('InvalidRequest');
    expect(answer.body.error?.details).toHaveLength(1);
    expect(answer.body.error?.details?.[0]?.code).toBe(code);
    expect(answer.body.error?.details?.[0]?.message).toMatch(/^[A-Z].{15,}\.$/);
  });

  test('that names no installation is still told what else is wrong with it', async () => {
    const body = await spec({ installationId: '1', region: 'atlantis', consulVersion: '1.99.0', plan: 'free' });
    const answer = await api.request(owner, 'POST', '/v1/clusters', { body });
    const codes = answer.body.error?.details?.map(({ code }) => code).sort();
    expect(codes).toEqual(['InvalidValue', 'UnknownConsulVersion', 'UnknownPlan', 'UnknownRegion']);
  });

  test('in a closed region, of a blocked version or a closed plan is refused with the reason', async () => {
    const { prisma } = api.database;
    await prisma.region.update({ where: { name: 'koreasouth' }, data: { open: false } });
    await prisma.consulVersion.create({
      data: { version: '1.6.0', status: 'BLOCKED', licence: 'MPL-2.0', blockedReason: 'it loses data' },
    });
    await prisma.plan.create({ data: { id: 'beta', displayName: 'Beta', description: 'Over.', hourlyMicros: {}, open: false } });
    const body = await spec({ region: 'koreasouth', consulVersion: '1.6.0', plan: 'beta' });
    const answer = await api.request(owner, 'POST', '/v1/clusters', { body });
    expect(answer.body.error?.details?.map(({ code }) => code)).toEqual(['RegionClosed', 'PlanClosed', 'ConsulVersionBlocked']);
    expect(answer.text).toContain('it loses data');
  });

  test('whose name or network a neighbour has is a conflict, and free again once the neighbour is deleted', async () => {
    const body = await spec();
    const first = await api.clientOf(owner).call('createCluster', { body });
    const sameName = await api.request(owner, 'POST', '/v1/clusters', {
      body: { ...body, name: 'Hello', networkCidr: '10.9.0.0/24' },
    });
    expect([sameName.status, sameName.body.error?.code]).toEqual([409, 'NameAlreadyExists']);
    const overlap = await api.request(owner, 'POST', '/v1/clusters', {
      body: { ...body, name: 'other', networkCidr: '172.25.0.0/16' },
    });
    expect([overlap.status, overlap.body.error?.code]).toEqual([409, 'NetworkOverlap']);
    await api.database.prisma.cluster.update({ where: { id: first.body.cluster.id }, data: { deletedAt: new Date() } });
    expect((await api.request(owner, 'POST', '/v1/clusters', { body })).status).toBe(202);
  });

  test('that races with overlapping neighbours is won by exactly one', async () => {
    const body = await spec();
    const racers = Array.from({ length: 8 }, (_, n) =>
      api.request(owner, 'POST', '/v1/clusters', { body: { ...body, name: `racer-${n}`, networkCidr: `10.3.${n}.0/24` } }),
    );
    const shared = Array.from({ length: 8 }, (_, n) =>
      api.request(owner, 'POST', '/v1/clusters', { body: { ...body, name: `sharer-${n}`, networkCidr: '10.4.0.0/16' } }),
    );
    expect((await Promise.all(racers)).map(({ status }) => status)).toEqual(Array(8).fill(202));
    const answers = await Promise.all(shared);
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(new Set(answers.map(({ body: { error } }) => error?.code))).toEqual(new Set([undefined, 'NetworkOverlap']));
  });

  test('in an installation that is not ready is a conflict', async () => {
    const body = await spec();
    await api.database.prisma.installation.update({ where: { id: body.installationId }, data: { state: 'Registering' } });
    const answer = await api.request(owner, 'POST', '/v1/clusters', { body });
    expect([answer.status, answer.body.error?.code]).toEqual([409, 'Conflict']);
    expect(answer.body.error?.details?.[0]?.code).toBe('InstallationNotReady');
  });
});

describe('preflight', () => {
  test('says what the create would say, and stores nothing', async () => {
    const body = await spec({ servers: 2 });
    const bad = await api.request(owner, 'POST', '/v1/preflight', { body });
    expect(bad.status).toBe(200);
    expect(preflightResultSchema.parse(bad.body)).toMatchObject({
      acceptable: false,
      problems: [{ code: 'UnsupportedServerCount' }],
    });
    const good = await api.request(owner, 'POST', '/v1/preflight', { body: { ...body, servers: 5 } });
    expect(good.body).toEqual({ acceptable: true, problems: [] });
    expect(await api.database.prisma.cluster.count({ where: { installationId: body.installationId } })).toBe(0);
  });
});
