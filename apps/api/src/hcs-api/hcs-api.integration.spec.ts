import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { hcsGatewayErrorSchema, hcsOperations, hcsStatusSchema } from '@managed-consul/api-contract';
import { hours, minutes, seconds } from '@managed-consul/config';
import { until } from '@managed-consul/testing';
import { closeHour } from '@managed-consul/usage';
import { startApi, type ApiUnderTest } from '../testing/api-under-test';
import { addressOf, callHcs, newHcsPlace, type HcsPlace } from '../testing/hcs-api-under-test';

let api: ApiUnderTest;
let place: HcsPlace;

beforeAll(async () => {
  api = await startApi();
  const program = { version: '1.8.7', platform: 'linux-amd64', sha256: '0'.repeat(64), sizeBytes: 1 };
  await api.database.prisma.consulArtifact.createMany({ data: [program], skipDuplicates: true });
  place = await newHcsPlace(api);
});
afterAll(() => api.stop());

const operationsOf = (clusterId: string) => api.database.prisma.operation.findMany({ where: { clusterId } });

test('the service offers every operation of the API at its address', () => {
  const offered = api.routes();
  for (const { method, path } of Object.values(hcsOperations)) expect(offered).toContain(`${method} ${path}`);
});

describe('an address', () => {
  test('is taken in any case, with doubled slashes, and with the id of the group percent-encoded as a whole', async () => {
    const { subscriptionId, resourceGroup } = place.installation;
    const id = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`;
    const provider = 'providers/Microsoft.CustomProviders/resourceProviders/public';
    const written = [
      `/${id}/${provider}/consulClusters/hello`,
      `/${encodeURIComponent(id)}/${provider}/consulClusters/hello?api-version=2018-09-01-preview`,
      `${id.toLowerCase()}/${provider.toUpperCase()}/CONSULCLUSTERS/hello`,
    ];
    for (const path of written) expect((await api.request(place.owner, 'GET', path)).body).toMatchObject({ name: 'hello' });
  });

  test('of a group that the caller has no role on looks like one that is not there', async () => {
    const stranger = await api.newPerson(place.owner.tenantId);
    const address = addressOf('GetCluster', place);
    const hidden = await api.request(stranger, 'GET', address);
    const missing = await api.request(place.owner, 'GET', address.replace(place.installation.subscriptionId, randomUUID()));
    expect([hidden.status, missing.status]).toEqual([404, 404]);
    expect(hcsStatusSchema.parse(hidden.body)).toEqual(missing.body);
    expect(hidden.body).toMatchObject({ code: 5 });
  });
});

describe('a body', () => {
  test('names the group by its name or its id, and the managed one, that of the application or the application', async () => {
    const { subscriptionId, resourceGroup } = place.installation;
    const id = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup.toUpperCase()}`;
    const groups = [resourceGroup, 'customer', place.applicationName, id];
    for (const group of groups) {
      const answer = await callHcs(api, place, 'GetFederation', { body: { subscriptionId, resourceGroup: group } });
      expect(answer.body).toEqual({ state: 'UNKNOWN', secondaryDatacenters: [] });
    }
  });

  test('that names another group or subscription is refused and changes nothing', async () => {
    const before = await operationsOf(place.cluster.id);
    const { resourceGroup } = place.installation;
    const foreign = `/subscriptions/${randomUUID()}/resourceGroups/${resourceGroup}`;
    for (const body of [{ resourceGroup: 'another' }, { subscriptionId: randomUUID() }, { resourceGroup: foreign }]) {
      const answer = await callHcs(api, place, 'CreateSnapshot', { body });
      expect(answer.status).toBe(400);
      expect(hcsStatusSchema.parse(answer.body).code).toBe(3);
    }
    expect(await operationsOf(place.cluster.id)).toEqual(before);
  });
});

describe('a refusal', () => {
  test('is in the shape of the API, whoever makes it', async () => {
    const address = addressOf('CreateSnapshot', place);
    const unknown = await api.request(undefined, 'POST', address, { body: {} });
    const broken = await api.request(place.owner, 'POST', address, { text: '{' });
    const method = await api.request(place.owner, 'GET', address);
    const nowhere = await api.request(place.owner, 'POST', address.replace('createSnapshot', 'else'), { body: {} });
    const answers = [unknown, broken, method, nowhere];
    expect(answers.map(({ status }) => status)).toEqual([401, 400, 405, 404]);
    expect(answers.map(({ body }) => hcsGatewayErrorSchema.parse(body).code)).toEqual([16, 3, 12, 5]);
    expect(hcsGatewayErrorSchema.parse(method.body).error).toBe(method.body['message']);
  });

  test('carries the stable code of the service in its details', async () => {
    const { body } = await callHcs(api, place, 'GetSnapshot', { body: { snapshotId: randomUUID() } });
    const [detail] = hcsStatusSchema.parse(body).details ?? [];
    expect(Buffer.from(detail?.value ?? '', 'base64').toString()).toContain('ResourceNotFound');
  });
});

describe('a cluster', () => {
  test('is created with the properties of the API, answered as it is when that is sent again, and deleted', async () => {
    const installation = await api.newInstallation(place.owner);
    const there = { ...place, installation };
    const properties = { consulDatacenter: 'dc9', consulClusterMode: 'DEVELOPMENT', email: 'ops@example.com' };
    const more = {
      consulSnapshotInterval: '12h',
      consulSnapshotRetention: '1m',
      sourceChannel: 'hcs-cli',
      location: 'West Europe',
    };
    const body = { properties: { ...properties, ...more } };
    const created = await callHcs(api, there, 'CreateCluster', { body });
    expect(created.status).toBe(200);
    expect(hcsOperations.CreateCluster.answer.parse(created.body)).toMatchObject({
      name: 'hello',
      properties: { state: 'PENDING', consulNumServers: '1', ...properties, ...more, location: 'westeurope' },
    });
    expect((await callHcs(api, there, 'CreateCluster', { body })).body).toEqual(created.body);
    const other = { properties: { ...body.properties, consulDatacenter: 'dc8' } };
    const refused = await callHcs(api, there, 'CreateCluster', { body: other });
    expect([refused.status, refused.body['code']]).toEqual([409, 6]);
    expect((await callHcs(api, there, 'DeleteCluster')).body).toEqual({});
    const { body: shown } = await callHcs(api, there, 'GetCluster');
    expect(await operationsOf(hcsOperations.GetCluster.answer.parse(shown).properties?.consulClusterId ?? '')).toMatchObject([
      { kind: 'create-cluster' },
      { kind: 'delete-cluster' },
    ]);
  });

  test('that asks for what the service does not have is refused with every problem', async () => {
    const there = { ...place, installation: await api.newInstallation(place.owner) };
    const properties = {
      consulNumServers: 'many',
      consulConnect: 'disabled',
      auditLoggingEnabled: 'TRUE',
      email: 'a@example.com',
    };
    const { status, body } = await callHcs(api, there, 'CreateCluster', { body: { properties } });
    expect(status).toBe(400);
    for (const field of ['consulNumServers', 'consulConnect', 'auditLoggingEnabled']) {
      expect(hcsStatusSchema.parse(body).message).toContain(`properties.${field}`);
    }
  });

  test('is shown in a state of the API while it is changed', async () => {
    const { prisma } = api.database;
    const move = (provisioningState: 'Updating' | 'Succeeded') =>
      prisma.cluster.update({ where: { id: place.cluster.id }, data: { provisioningState } });
    await move('Updating');
    const { body } = await callHcs(api, place, 'GetCluster');
    await move('Succeeded');
    expect(body).toMatchObject({ properties: { state: 'RUNNING' } });
  });

  test('hides the files with the gossip key from who may only read', async () => {
    const reader = await api.newPerson();
    const { tenantId, objectId: principalId } = reader;
    const data = { installationId: place.installation.id, tenantId, principalId, role: 'Reader' } as const;
    await api.database.prisma.roleAssignment.create({ data });
    const mine = await callHcs(api, place, 'ListClusters');
    expect(JSON.stringify(mine.body)).toContain('consulConfigFile');
    const theirs = await callHcs(api, { ...place, owner: reader }, 'ListClusters');
    expect(theirs.body).toMatchObject({ value: [{ name: 'hello' }] });
    expect(JSON.stringify(theirs.body)).not.toContain('consulConfigFile');
    for (const name of ['GetConfig', 'CreateToken', 'CreateSnapshot', 'CreateFederationToken'] as const) {
      expect([name, (await callHcs(api, { ...place, owner: reader }, name)).body['code']]).toEqual([name, 7]);
    }
  });

  test('is not guessed where there are several', async () => {
    const there = { ...place, installation: await api.newInstallation(place.owner) };
    const installationId = there.installation.id;
    for (const [name, networkCidr] of [
      ['one', '10.1.0.0/24'],
      ['two', '10.2.0.0/24'],
    ] as const) {
      const body = { installationId, name, networkCidr, email: 'ops@example.com' };
      await api.clientOf(place.owner).call('createCluster', { body });
    }
    const { status, body } = await callHcs(api, there, 'CreateSnapshot');
    expect([status, body['code']]).toEqual([409, 9]);
  });
});

test('a token is answered once it is valid, and never kept by a cache', async () => {
  const { id } = place.cluster;
  const asked = callHcs(api, place, 'CreateToken');
  await until(async () => (await api.database.prisma.rootToken.count({ where: { clusterId: id } })) === 1, {
    within: seconds(30),
  });
  const operation = await api.database.prisma.operation.findFirstOrThrow({ where: { clusterId: id, kind: 'create-root-token' } });
  const data = { state: 'Succeeded', finishedAt: new Date(), revision: { increment: 1 } } as const;
  await api.database.prisma.operation.update({ where: { id: operation.id }, data });
  await api.database.pool.query("SELECT pg_notify('operation_changed', $1)", [operation.id]);
  const answer = await asked;
  const { masterToken } = hcsOperations.CreateToken.answer.parse(answer.body);
  expect(masterToken?.secretId).toMatch(/^[0-9a-f-]{36}$/);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(api.logged.join('')).not.toContain(masterToken?.secretId);
});

describe('an operation', () => {
  test('is DONE when it ended, with its error if it failed', async () => {
    const { body } = await callHcs(api, place, 'CreateSnapshot', { body: { name: 'first' } });
    const { operation } = hcsOperations.CreateSnapshot.answer.parse(body);
    expect(operation).toEqual({ id: operation?.id, state: 'PENDING' });
    const id = operation?.id ?? '';
    const failure = { state: 'Failed', errorMessage: 'Storage could not be reached.', finishedAt: new Date() } as const;
    await api.database.prisma.operation.update({ where: { id }, data: failure });
    const read = await callHcs(api, place, 'GetOperation', { body: { operationId: id } });
    expect(read.body).toMatchObject({
      operation: { id, state: 'DONE', error: { code: 9, message: 'Storage could not be reached.' } },
    });
  });

  test('or a snapshot of another installation is not there', async () => {
    const other = await newHcsPlace(api);
    const { tenantId, objectId: principalId } = place.owner;
    const data = { installationId: other.installation.id, tenantId, principalId, role: 'Owner' } as const;
    await api.database.prisma.roleAssignment.create({ data });
    const snapshot = await api.newSnapshot(other.cluster);
    const [operation] = await operationsOf(other.cluster.id);
    const asked = [
      await callHcs(api, place, 'GetOperation', { body: { operationId: operation?.id } }),
      await callHcs(api, place, 'DeleteSnapshot', { body: { snapshotId: snapshot.id } }),
      await callHcs(api, place, 'RestoreSnapshot', { body: { snapshotId: snapshot.id, takeSnapshot: 'TRUE' } }),
    ];
    expect(asked.map(({ status }) => status)).toEqual([404, 404, 404]);
    expect(await api.database.prisma.snapshot.findUnique({ where: { id: snapshot.id } })).toMatchObject({ state: 'VERIFIED' });
  });
});

test('the configuration holds what an agent needs to join', async () => {
  const { caFile, clientConfig = '' } = hcsOperations.GetConfig.answer.parse((await callHcs(api, place, 'GetConfig')).body);
  expect(caFile).toBe('-----CA-----\n');
  const { gossipKey: encrypt } = place;
  expect(JSON.parse(clientConfig)).toMatchObject({ datacenter: 'dc1', encrypt, retry_join: ['10.0.0.4'], server: false });
  const reads = await api.database.prisma.auditEvent.count({
    where: { clusterId: place.cluster.id, action: 'read-client-bundle' },
  });
  expect(reads).toBeGreaterThan(0);
});

test('what was used is told in sums and by hour, and a month that is none is refused', async () => {
  const hour = new Date('2026-05-20T10:00:00Z');
  const { clock } = api.services;
  api.services.clock = { now: () => new Date('2026-05-20T12:00:00Z') };
  const { id: clusterId, installationId } = place.cluster;
  const ran = { clusterId, installationId, planId: 'on-demand-v2', charged: true, servers: 3, vmSize: 'Standard_D2s_v5' };
  const endsAt = new Date(hour.getTime() + minutes(30));
  await api.database.prisma.usagePeriod.create({ data: { ...ran, startsAt: hour, endsAt } });
  await api.database.prisma.serviceInstancePeak.create({ data: { clusterId, hour, instances: 100, last: 100 } });
  await closeHour(api.database, hour, new Date());
  const { currentSettings, usage } = hcsOperations.GetBillingInfo.answer.parse(
    (await callHcs(api, place, 'GetBillingInfo')).body,
  );
  expect(currentSettings).toMatchObject({ plan: 'on-demand', prices: { hourly: 0.081, dimensions: [] } });
  // Half an hour at 0.069, and of 50 instances at 0.022 and 50 at 0.018.
  const cost = 1.0345;
  const details = [{ plan: 'on-demand-v2', hours: 0.5 }];
  expect(usage?.timePeriod?.thisMonth).toMatchObject({ cost, details });
  const month = hour.toISOString().slice(0, 7).replace('-', '/');
  const report = await callHcs(api, place, 'GetBillingReport', { body: { month } });
  expect(hcsOperations.GetBillingReport.answer.parse(report.body).usage).toEqual([
    {
      ...{ start: hour.toISOString(), end: new Date(hour.getTime() + hours(1)).toISOString(), plan: 'on-demand-v2', cost },
      dimensions: [
        { name: 'cluster_hours_3', tiers: [{ label: '1+', units: 0 }] },
        {
          name: 'service_instance_hours',
          tiers: [
            { label: '1-50', units: 25 },
            { label: '51-250', units: 25 },
          ],
        },
      ],
    },
  ]);
  for (const bad of ['November', '2026/13', '2100/01', ''])
    expect((await callHcs(api, place, 'GetBillingReport', { body: { month: bad } })).body['code'], bad).toBe(3);
  api.services.clock = clock;
});

describe('a federation', () => {
  test('names its members by their managed applications as Azure writes them, and a secondary by a used token', async () => {
    const secondary = await newHcsPlace(api);
    const { prisma } = api.database;
    const roles = {
      installationId: secondary.installation.id,
      tenantId: place.owner.tenantId,
      principalId: place.owner.objectId,
    };
    await prisma.roleAssignment.create({ data: { ...roles, role: 'Owner' } });
    const primaryClusterId = place.cluster.id;
    const members = [place, secondary].map(({ cluster }, index) => ({
      clusterId: cluster.id,
      primaryClusterId,
      datacenter: `dc${index}`,
    }));
    await prisma.federationMember.createMany({ data: members });
    const shown = ({ applicationName, installation: { subscriptionId }, cluster: { id } }: HcsPlace) => ({
      ...{ id, subscriptionId, resourceGroup: 'Customer', name: applicationName },
    });
    const told = { state: 'RUNNING', primaryDatacenter: shown(place), secondaryDatacenters: [shown(secondary)] };
    expect((await callHcs(api, place, 'GetFederation')).body).toEqual(told);

    const tokens = await Promise.all(
      [place, { ...secondary, owner: place.owner }].map(async (there) => {
        const { body } = await callHcs(api, there, 'GetCluster');
        return hcsOperations.GetCluster.answer.parse(body).properties?.federationToken;
      }),
    );
    expect(tokens[0]).toBeUndefined();
    expect(decodeJwt(tokens[1] ?? '')).toEqual({ Primary: primaryClusterId, exp: 0 });
    await prisma.federationMember.deleteMany({ where: { primaryClusterId } });
  });
});

describe('a change', () => {
  const begin = (requestedBy: string) => {
    const { id: clusterId, installationId } = place.cluster;
    const work = { clusterId, installationId, subject: `cluster/${clusterId}`, kind: 'take-snapshot', input: {} };
    return api.database.prisma.operation.create({ data: { ...work, requestedBy, state: 'Running' } });
  };

  test('waits for what a schedule began', async () => {
    const scheduled = await begin('schedule/snapshot');
    const waits = vi.spyOn(api.services.changes, 'waitForChange');
    const asked = callHcs(api, place, 'CreateSnapshot');
    await until(() => waits.mock.calls.some(([id]) => id === scheduled.id), {
      within: seconds(30),
      because: 'the request waits',
    });
    waits.mockRestore();
    const ended = { state: 'Succeeded', finishedAt: new Date(), revision: { increment: 1 } } as const;
    await api.database.prisma.operation.update({ where: { id: scheduled.id }, data: ended });
    await api.database.pool.query("SELECT pg_notify('operation_changed', $1)", [scheduled.id]);
    const answer = await asked;
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('snapshotId')]);
    await api.endOperations(place.cluster.id);
  });

  test('is refused at once while something is under way that somebody asked for', async () => {
    const other = await begin('somebody');
    const answer = await callHcs(api, place, 'CreateSnapshot');
    expect([answer.status, answer.text]).toEqual([409, expect.stringContaining(other.id)]);
    await api.endOperations(place.cluster.id);
  });
});
