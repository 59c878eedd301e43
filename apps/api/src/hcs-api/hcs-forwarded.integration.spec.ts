import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { hcsOperations, hcsStatusSchema } from '@managed-consul/api-contract';
import { setFrontDoor } from '@managed-consul/clusters';
import { seconds } from '@managed-consul/config';
import { until } from '@managed-consul/testing';
import { NOTIFICATION_SECRET, startApi, type ApiUnderTest, type RawAnswer, type RawOptions } from '../testing/api-under-test';
import { addressOf, newHcsPlace, type HcsOperationName, type HcsPlace } from '../testing/hcs-api-under-test';

let api: ApiUnderTest;
let place: HcsPlace;
let other: HcsPlace;
const secret = randomUUID() + randomUUID();
const otherSecret = randomUUID() + randomUUID();

const openDoor = ({ installation }: Pick<HcsPlace, 'installation'>, to: string | undefined) =>
  api.database.prisma.$transaction((tx) => setFrontDoor(tx, installation, to));

beforeAll(async () => {
  api = await startApi();
  [place, other] = await Promise.all([newHcsPlace(api), newHcsPlace(api)]);
  await openDoor(place, secret);
  await openDoor(other, otherSecret);
});
afterAll(() => api.stop());

/** A request as Azure forwards it to an endpoint with `{requestPath}`: no token, the header beside the address. */
function forward(door: string, name: HcsOperationName, options: RawOptions & { path?: string } = {}): Promise<RawAnswer> {
  const { path = addressOf(name, place), headers, ...more } = options;
  const { method } = hcsOperations[name];
  const body = method === 'POST' ? { body: {} } : {};
  const said = { 'x-ms-customproviders-requestpath': path, ...headers };
  return api.request(undefined, method, `/forwarded/${door}${path}?api-version=2018-09-01-preview`, {
    ...body,
    ...more,
    headers: said,
  });
}

/** As a worker ends it. */
async function endOperation(id: string): Promise<void> {
  const data = { state: 'Succeeded', finishedAt: new Date(), revision: { increment: 1 } } as const;
  await api.database.prisma.operation.update({ where: { id }, data });
  await api.database.pool.query("SELECT pg_notify('operation_changed', $1)", [id]);
}

/** Everything of both installations that a request could have changed. */
async function recordsOf(): Promise<string> {
  const { prisma } = api.database;
  const records = await Promise.all([
    prisma.operation.findMany({ orderBy: { id: 'asc' } }),
    prisma.cluster.findMany({ orderBy: { id: 'asc' } }),
    prisma.snapshot.findMany({ orderBy: { id: 'asc' } }),
    prisma.rootToken.findMany({ orderBy: { accessorId: 'asc' } }),
    prisma.auditEvent.findMany({ orderBy: { id: 'asc' } }),
  ]);
  return JSON.stringify(records, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}

describe('a request that Azure forwards', () => {
  test('is answered as one that is sent directly, and recorded as the custom provider’s', async () => {
    const read = await forward(secret, 'GetCluster');
    expect([read.status, read.body['name']]).toEqual([200, 'hello']);
    const { operation } = hcsOperations.CreateSnapshot.answer.parse((await forward(secret, 'CreateSnapshot')).body);
    const { requestedBy } = await api.database.prisma.operation.findUniqueOrThrow({ where: { id: operation?.id ?? '' } });
    const { tenantId, id } = place.installation;
    expect(requestedBy).toBe(`${tenantId}/custom-provider/${id}`);
    await api.endOperations(place.cluster.id);
  });

  test('may say what it asks for in its header alone', async () => {
    const headers = { 'x-ms-customproviders-requestpath': addressOf('GetFederation', place) };
    const answer = await api.request(undefined, 'POST', `/forwarded/${secret}/?api-version=2018-09-01-preview`, {
      body: { resourceGroup: 'customer' },
      headers,
    });
    expect(answer.body).toEqual({ state: 'UNKNOWN', secondaryDatacenters: [] });
  });

  test('waits for the news of its application, for the registration and for the cluster of an application that Azure has just set up', async () => {
    const { prisma } = api.database;
    const { installation, cluster } = await newHcsPlace(api);
    const clusterId = cluster.id;
    await prisma.cluster.update({ where: { id: clusterId }, data: { deletedAt: new Date(), provisioningState: 'Creating' } });
    api.services.aheadOfNews = seconds(60);
    const looks = vi.spyOn(api.services.clock, 'now');
    const fresh = randomUUID() + randomUUID();
    const asked = forward(fresh, 'CreateToken', { path: addressOf('CreateToken', { installation }) });
    await until(() => looks.mock.calls.length > 0, { within: seconds(15), because: 'the request waits at the door' });
    looks.mockRestore();
    const applicationId = installation.applicationIdAsWritten ?? '';
    const news = { eventType: 'PUT', applicationId, eventTime: new Date().toISOString(), provisioningState: 'Succeeded' };
    await api.request(undefined, 'POST', `/notifications/resource?sig=${NOTIFICATION_SECRET}`, { body: news });
    const subject = `application/${applicationId.toLowerCase()}`;
    const registration = await prisma.operation.findFirstOrThrow({ where: { subject } });
    const waits = vi.spyOn(api.services.changes, 'waitForChange');
    const waitsFor = (id: string) =>
      until(() => waits.mock.calls.some(([awaited]) => awaited === id), { within: seconds(30), because: `${id} is awaited` });
    await openDoor({ installation }, fresh);
    await waitsFor(registration.id);
    const work = { clusterId, installationId: installation.id, subject: `cluster/${clusterId}`, requestedBy: 'tests' };
    const making = await prisma.operation.create({ data: { ...work, kind: 'create-cluster', state: 'Running', input: {} } });
    await prisma.cluster.update({ where: { id: clusterId }, data: { deletedAt: null } });
    await endOperation(registration.id);
    await waitsFor(making.id);
    await prisma.cluster.update({ where: { id: clusterId }, data: { provisioningState: 'Succeeded' } });
    await endOperation(making.id);
    const where = { clusterId, kind: 'create-root-token' };
    const token = await until(() => prisma.operation.findFirst({ where }), { within: seconds(30) });
    await endOperation(token.id);
    waits.mockRestore();
    api.services.aheadOfNews = seconds(0.1);
    const answer = await asked;
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('secretId')]);
  });

  test('finds an empty object at the bare address, with the secret alone', async () => {
    expect((await api.request(undefined, 'GET', `/forwarded/${secret}/`)).body).toEqual({});
    expect((await api.request(undefined, 'GET', `/forwarded/${randomUUID()}${randomUUID()}/`)).status).toBe(401);
  });
});

describe('a request at the forwarded door is refused, and changes nothing,', () => {
  const there = (name: HcsOperationName) => addressOf(name, other);
  const refusals: [string, () => Promise<RawAnswer>][] = [
    ['with a wrong secret', () => forward(randomUUID() + randomUUID(), 'CreateToken')],
    ['with a short secret', () => forward('x', 'CreateToken')],
    ['with a secret that lacks its end', () => forward(secret.slice(0, -1), 'CreateToken')],
    ['with the secret of another installation', () => forward(otherSecret, 'CreateToken')],
    ['with a path of another installation', () => forward(secret, 'CreateToken', { path: there('CreateToken') })],
    [
      'with a header that names another installation than the address',
      () => forward(secret, 'CreateToken', { headers: { 'x-ms-customproviders-requestpath': there('CreateToken') } }),
    ],
    ...(['subscriptionId', 'resourceGroup'] as const).map((part): [string, () => Promise<RawAnswer>] => [
      `with a header that names another ${part} than the address`,
      () => {
        const elsewhere = { installation: { ...place.installation, [part]: other.installation[part] } };
        return forward(secret, 'CreateToken', {
          headers: { 'x-ms-customproviders-requestpath': addressOf('CreateToken', elsewhere) },
        });
      },
    ]),
    ...(['subscriptionId', 'resourceGroup'] as const).map((part): [string, () => Promise<RawAnswer>] => [
      `for another ${part}`,
      () => {
        const elsewhere = { installation: { ...place.installation, [part]: other.installation[part] } };
        return forward(secret, 'CreateToken', { path: addressOf('CreateToken', elsewhere) });
      },
    ]),
    [
      'with a header that names another action than the address',
      () =>
        forward(secret, 'GetFederation', {
          headers: { 'x-ms-customproviders-requestpath': addressOf('CreateToken', place) },
        }),
    ],
    [
      'with a header alone that names another installation',
      () =>
        api.request(undefined, 'POST', `/forwarded/${secret}`, {
          body: {},
          headers: { 'x-ms-customproviders-requestpath': there('CreateSnapshot') },
        }),
    ],
  ];

  // All at once: a request with an unknown secret is kept waiting for a while, because its application may be on its way.
  test(refusals.map(([reason]) => reason).join('; '), async () => {
    const before = await recordsOf();
    api.logged.length = 0;
    const answers = await Promise.all(refusals.map(async ([reason, send]) => ({ reason, answer: await send() })));
    for (const { reason, answer } of answers) {
      expect([reason, answer.status]).toEqual([reason, 401]);
      expect(hcsStatusSchema.parse(answer.body)).toMatchObject({ code: 16 });
    }
    expect(await recordsOf()).toBe(before);
    const logged = api.logged.join('');
    expect(logged.match(/Forwarded request refused/g)).toHaveLength(refusals.length);
    for (const each of [secret, secret.slice(0, -1), otherSecret]) expect(logged).not.toContain(each);
  });

  test('without a secret, whatever it says beside', async () => {
    const before = await recordsOf();
    const path = addressOf('CreateToken', place);
    for (const address of [`/forwarded${path}`, `/forwarded/${path}`, `/forwarded//${path}`, '/forwarded', '/forwarded/']) {
      const headers = { 'x-ms-customproviders-requestpath': path, authorization: `Bearer ${place.owner.token}` };
      const answer = await api.request(undefined, 'POST', address, { body: {}, headers });
      expect([address, answer.status]).toEqual([address, expect.toBeOneOf([401, 404])]);
    }
    expect(await recordsOf()).toBe(before);
  });

  test('with a body that names another subscription or group', async () => {
    const before = await recordsOf();
    const { subscriptionId, resourceGroup } = other.installation;
    for (const body of [{ subscriptionId }, { resourceGroup }]) {
      expect((await forward(secret, 'CreateSnapshot', { body })).status).toBe(400);
    }
    expect(await recordsOf()).toBe(before);
  });

  test('when the door was closed, or has another secret since', async () => {
    const fresh = randomUUID() + randomUUID();
    await openDoor(other, fresh);
    const path = there('GetCluster');
    expect((await forward(otherSecret, 'GetCluster', { path })).status).toBe(401);
    expect((await forward(fresh, 'GetCluster', { path })).status).toBe(200);
    await openDoor(other, undefined);
    expect((await forward(fresh, 'GetCluster', { path })).status).toBe(401);
    await openDoor(other, otherSecret);
  });
});

test('a secret is in no log, and no token speaks for the custom provider', async () => {
  await forward(otherSecret, 'CreateToken');
  expect(api.logged.join('')).toContain('Forwarded request refused');
  for (const each of [secret, otherSecret]) expect(api.logged.join('')).not.toContain(each);
  const { tenantId, id } = place.installation;
  const token = await api.issuer.sign({ tenantId, objectId: `custom-provider/${id}` });
  const forged = { tenantId, objectId: '', token };
  expect((await api.request(forged, 'GET', addressOf('GetCluster', place))).status).toBe(401);
});

test('a token of a person does not open the forwarded door', async () => {
  const path = addressOf('GetCluster', place);
  expect((await api.request(place.owner, 'GET', `/forwarded/${randomUUID()}${randomUUID()}${path}`)).status).toBe(401);
});
