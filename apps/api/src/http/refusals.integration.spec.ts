import { randomUUID } from 'node:crypto';
import { generateKeyPair, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorEnvelopeSchema, routes, type RouteContract, type RouteName } from '@managed-consul/api-contract';
import { translateError } from '@managed-consul/http-api';
import { startApi, type ApiUnderTest, type Person, type RawAnswer } from '../testing/api-under-test';

let api: ApiUnderTest;
let owner: Person;

beforeAll(async () => {
  api = await startApi();
  owner = await api.newPerson();
});
afterAll(() => api.stop());

/** Status and code of a refusal, which must be in the envelope and carry the ids that support asks for. */
function refusalOf(answer: RawAnswer): [number, string] {
  const { error } = errorEnvelopeSchema.parse(answer.body);
  expect(error.message.length).toBeGreaterThan(20);
  expect(answer.headers.get('x-ms-request-id')).toMatch(/^[\da-f-]{36}$/);
  expect(answer.headers.get('x-ms-correlation-request-id')).toBeTruthy();
  return [answer.status, error.code];
}

describe('a request', () => {
  test('of 2 MB is refused before it is read', async () => {
    const body = { name: 'x'.repeat(2 * 1024 * 1024) };
    expect(refusalOf(await api.request(owner, 'POST', '/v1/clusters', { body }))).toEqual([413, 'PayloadTooLarge']);
  });

  test.each(['{"name": "hello"', 'not json', '{"a":1,}', '{"__proto__": {"role": "Owner"}}'])(
    'whose body is %s is not JSON',
    async (text) => {
      expect(refusalOf(await api.request(owner, 'POST', '/v1/clusters', { text }))).toEqual([400, 'InvalidJson']);
    },
  );

  test('with an empty body that claims to be JSON is told so', async () => {
    const headers = { 'content-type': 'application/json' };
    expect(refusalOf(await api.request(owner, 'POST', '/v1/clusters', { text: '', headers }))).toEqual([400, 'InvalidJson']);
  });

  test.each(['[]', '"text"', 'null', '7'])('whose body is %s instead of an object is refused', async (text) => {
    expect(refusalOf(await api.request(owner, 'POST', '/v1/clusters', { text }))).toEqual([400, 'InvalidRequest']);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'multipart/form-data; boundary=x'])(
    'in %s is an unsupported media type',
    async (type) => {
      const answer = await api.request(owner, 'POST', '/v1/clusters', { text: 'name=hello', headers: { 'content-type': type } });
      expect(refusalOf(answer)).toEqual([415, 'UnsupportedMediaType']);
    },
  );

  test('to no address is told apart from one with the wrong method', async () => {
    expect(refusalOf(await api.request(owner, 'GET', '/v2/clusters'))).toEqual([404, 'RouteNotFound']);
    const wrong = await api.request(owner, 'PUT', `/v1/clusters/${randomUUID()}`, { body: {} });
    expect(refusalOf(wrong)).toEqual([405, 'MethodNotAllowed']);
    expect(wrong.headers.get('allow')).toBe('DELETE, GET, HEAD, PATCH');
  });

  test('with a broken address or an id that is none is a bad request', async () => {
    expect(refusalOf(await api.request(owner, 'GET', '/v1/clusters/%zz'))).toEqual([400, 'InvalidRequest']);
    expect(refusalOf(await api.request(owner, 'GET', '/v1/clusters/hello'))).toEqual([400, 'InvalidRequest']);
  });

  test('that holds U+0000, which PostgreSQL cannot store, is refused wherever it stands', async () => {
    const installationId = (await api.newInstallation(owner)).id;
    const spec = { installationId, name: 'hello', email: 'ops@example.com' };
    const { cluster } = (await api.clientOf(owner).call('createCluster', { body: { ...spec, name: 'other' } })).body;
    const own = `/v1/clusters/${cluster.id}`;
    const asked: [string, string, unknown, string][] = [
      ['POST', '/v1/clusters', { ...spec, name: 'a\0b' }, 'name'],
      ['POST', '/v1/clusters', { ...spec, email: 'a\0b@example.com' }, 'email'],
      ['POST', '/v1/clusters', { ...spec, region: 'a\0b', surprise: '\0' }, 'region'],
      ['POST', '/v1/preflight', { ...spec, planId: 'a\0b' }, 'planId'],
      ['POST', '/v1/installations', { subscriptionId: 'a\0b' }, 'subscriptionId'],
      ['PATCH', own, { tags: { team: 'a\0b' } }, 'tags.team'],
      ['PATCH', own, { tags: { 'a\0b': 'team' } }, 'tags.a\\u0000b'],
      ['PATCH', own, { email: 'a\0b@example.com' }, 'email'],
      ['GET', '/v1/clusters?installationId=a%00b', undefined, 'installationId'],
      ['GET', '/v1/clusters?pageToken=a%00b', undefined, 'pageToken'],
      ['GET', '/v1/clusters/a%00b', undefined, 'id'],
    ];
    for (const [method, path, body, target] of asked) {
      const answer = await api.request(owner, method, path, { body });
      expect([...refusalOf(answer), answer.body.error?.target]).toEqual([400, 'InvalidRequest', target]);
    }
  });

  test('whose value PostgreSQL alone finds unfit is no fault of the service', async () => {
    const { prisma, pool } = api.database;
    const name = 'a\0b';
    const refused = [
      () => prisma.region.findFirst({ where: { name } }),
      () => prisma.$queryRaw`SELECT ${name}::text`,
      () => pool.query('SELECT $1::text', [name]),
      () => prisma.cluster.updateMany({ where: { name: 'none' }, data: { tags: { [name]: name } } }),
    ];
    for (const query of refused) {
      const error: unknown = await query().then(
        () => undefined,
        (failure: unknown) => failure,
      );
      expect(translateError(error)).toMatchObject({ code: 'InvalidRequest' });
    }
    expect(translateError(new TypeError('a fault'))).toBeInstanceOf(TypeError);
  });

  test('gets the correlation id back that it came with, and its own id when it asks for it', async () => {
    const headers = {
      'x-ms-correlation-request-id': 'my-correlation-1',
      'x-ms-client-request-id': 'mine',
      'x-ms-return-client-request-id': 'true',
    };
    const answer = await api.request(owner, 'GET', '/v1/clusters', { headers });
    expect(answer.headers.get('x-ms-correlation-request-id')).toBe('my-correlation-1');
    expect(answer.headers.get('x-ms-client-request-id')).toBe('mine');
  });
});

describe('a token', () => {
  const tokenOf = async (kind: string): Promise<string | undefined> => {
    const { issuer } = api;
    const { tenantId, objectId } = owner;
    const foreignKey = (await generateKeyPair('RS256')).privateKey;
    const tokens: Record<string, () => Promise<string> | string | undefined> = {
      'that is missing': () => undefined,
      'that is no token': () => 'abc',
      'that has expired': () => issuer.sign({ tenantId, objectId, expiresIn: -3600 }),
      'that is not valid yet': () => issuer.sign({ tenantId, objectId, notBefore: 3600, expiresIn: 7200 }),
      'for another audience': () => issuer.sign({ tenantId, objectId, audience: 'https://management.azure.com' }),
      'of another issuer': () => issuer.sign({ tenantId, objectId, issuer: 'https://evil.example.com/' }),
      "of another tenant's issuer": () => issuer.sign({ tenantId, objectId, issuer: `https://sts.windows.net/${randomUUID()}/` }),
      'of a tenant that Entra does not know': () => issuer.sign({ tenantId: randomUUID(), objectId }),
      'of a tenant whose id leads elsewhere': () => issuer.sign({ tenantId: '../evil', objectId }),
      'signed with another key': () => issuer.sign({ tenantId, objectId }, foreignKey),
      'that names nobody': () => issuer.sign({ tenantId, objectId: '' }),
      'without signature': () =>
        new UnsecuredJWT({ tid: tenantId, oid: objectId })
          .setIssuer(`https://sts.windows.net/${tenantId}/`)
          .setAudience('api://managed-consul')
          .setNotBefore('-1m')
          .setExpirationTime('1h')
          .encode(),
      'whose signature was cut off': async () => (await issuer.sign({ tenantId, objectId })).replace(/[^.]+$/, ''),
    };
    return tokens[kind]?.();
  };

  test.each([
    'that is missing',
    'that is no token',
    'that has expired',
    'that is not valid yet',
    'for another audience',
    'of another issuer',
    "of another tenant's issuer",
    'of a tenant that Entra does not know',
    'of a tenant whose id leads elsewhere',
    'signed with another key',
    'that names nobody',
    'without signature',
    'whose signature was cut off',
  ])('%s is refused', async (kind) => {
    const token = await tokenOf(kind);
    const answer = await api.request(token === undefined ? undefined : { ...owner, token }, 'GET', '/v1/clusters');
    expect(refusalOf(answer)).toEqual([401, 'AuthenticationFailed']);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  test('of version 1 and of version 2 is accepted, and its tenant asked for its keys once', async () => {
    const { tenantId, objectId } = await api.newPerson();
    const before = api.issuer.requestsForKeys;
    for (const issuer of [`https://sts.windows.net/${tenantId}/`, `${api.issuer.authority}/${tenantId}/v2.0`]) {
      const token = await api.issuer.sign({ tenantId, objectId, issuer });
      expect((await api.request({ tenantId, objectId, token }, 'GET', '/v1/clusters')).status).toBe(200);
    }
    expect(api.issuer.requestsForKeys).toBe(before + 1);
  });

  test('is never logged', () => {
    expect(api.logged.length).toBeGreaterThan(20);
    expect(api.logged.join('')).not.toContain(owner.token);
    expect(api.logged.join('')).not.toContain('eyJ');
  });
});

/** What is sent to routes that cannot do with an empty body. */
const BODIES: Partial<Record<RouteName, object>> = {
  updateSnapshot: { name: 'mine' },
  createRotation: { what: 'GossipKey' },
  previewRestore: { snapshotId: randomUUID() },
  restoreCluster: { snapshotId: randomUUID() },
  recoverQuorum: { from: 'Survivors' },
  previewUpgrade: { consulVersion: '1.10.12' },
  upgradeCluster: { consulVersion: '1.10.12' },
  deferUpgrades: { until: null },
  scaleCluster: { servers: 5 },
  resizeCluster: { vmSize: 'Standard_D4s_v3' },
};

/** POST because they take a body, though they change nothing. */
const READS_BY_POST: readonly RouteName[] = ['previewUpgrade'];

/** Every route of one cluster, snapshot or operation. */
const routesOfOne = () =>
  (Object.entries(routes) as [RouteName, RouteContract][]).filter(
    ([, { path }]) => path.includes('{id}') && !path.includes('/installations'),
  );

describe('a caller', () => {
  const newCluster = async () => {
    const installation = await api.newInstallation(owner);
    const body = { installationId: installation.id, name: 'hello', email: 'ops@example.com' };
    return (await api.clientOf(owner).call('createCluster', { body })).body;
  };

  test('of another tenant is told on every route that the cluster does not exist', async () => {
    const { cluster, operation } = await newCluster();
    const snapshot = await api.newSnapshot(cluster);
    const stranger = await api.newPerson();
    for (const [name, route] of routesOfOne()) {
      const id = { operations: operation.id, snapshots: snapshot.id, clusters: cluster.id }[route.path.split('/')[2] ?? ''];
      const options = 'body' in route ? { body: BODIES[name] ?? {} } : {};
      const answer = await api.request(stranger, route.method, route.path.replace('{id}', id ?? ''), options);
      expect([route.method, route.path, ...refusalOf(answer)]).toEqual([route.method, route.path, 404, 'ResourceNotFound']);
      const missing = await api.request(stranger, route.method, route.path.replace('{id}', randomUUID()), options);
      expect(missing.text.replaceAll(/[\da-f-]{36}/g, '')).toBe(answer.text.replaceAll(/[\da-f-]{36}/g, ''));
    }
    expect((await api.clientOf(stranger).call('listClusters')).body.value).toEqual([]);
    const body = { installationId: cluster.installationId, name: 'mine', email: 'a@example.com' };
    expect(refusalOf(await api.request(stranger, 'POST', '/v1/clusters', { body }))).toEqual([404, 'ResourceNotFound']);
    expect(refusalOf(await api.request(stranger, 'GET', `/v1/installations/${cluster.installationId}`))).toEqual([
      404,
      'ResourceNotFound',
    ]);
  });

  test('with the same object id in another tenant is a stranger too', async () => {
    const { cluster } = await newCluster();
    const tenantId = api.issuer.addTenant();
    const token = await api.issuer.sign({ tenantId, objectId: owner.objectId });
    const answer = await api.request({ tenantId, objectId: owner.objectId, token }, 'GET', `/v1/clusters/${cluster.id}`);
    expect(refusalOf(answer)).toEqual([404, 'ResourceNotFound']);
  });

  test('who is a Reader sees everything and may change nothing', async () => {
    const { cluster, operation } = await newCluster();
    const reader = await api.newPerson(owner.tenantId);
    const { tenantId, objectId: principalId } = reader;
    const data = { installationId: cluster.installationId, tenantId, principalId, role: 'Reader' as const };
    await api.database.prisma.roleAssignment.create({ data });
    const id = cluster.id;
    expect((await api.clientOf(reader).call('getCluster', { params: { id } })).body.name).toBe('hello');
    const body = { installationId: cluster.installationId, name: 'mine', email: 'a@example.com' };
    expect(refusalOf(await api.request(reader, 'POST', '/v1/clusters', { body }))).toEqual([403, 'AuthorizationFailed']);
    const snapshot = await api.newSnapshot(cluster);
    for (const [name, route] of routesOfOne()) {
      if (route.method === 'GET' || READS_BY_POST.includes(name)) continue;
      const target = { operations: operation.id, snapshots: snapshot.id, clusters: id }[route.path.split('/')[2] ?? ''];
      const options = 'body' in route ? { body: BODIES[name] ?? {} } : {};
      const answer = await api.request(reader, route.method, route.path.replace('{id}', target ?? ''), options);
      expect([route.method, route.path, ...refusalOf(answer)]).toEqual([route.method, route.path, 403, 'AuthorizationFailed']);
    }
  });

  test('is given the role of a group that the token lists', async () => {
    const { cluster } = await newCluster();
    const group = randomUUID();
    const { tenantId } = owner;
    const data = { installationId: cluster.installationId, tenantId, principalId: group, role: 'Reader' as const };
    await api.database.prisma.roleAssignment.create({ data });
    const objectId = randomUUID();
    const member = { tenantId, objectId, token: await api.issuer.sign({ tenantId, objectId, groups: [group] }) };
    expect((await api.clientOf(member).call('getCluster', { params: { id: cluster.id } })).status).toBe(200);
  });
});

test('the service offers exactly the routes of its contract', () => {
  const promised = Object.values(routes).map((route) => `${route.method} ${route.path}`);
  const offered = api.routes().filter((route) => !route.startsWith('HEAD '));
  expect(offered.filter((route) => /\/v1|notifications/.test(route)).sort()).toEqual([...promised].sort());
  expect(offered).toEqual(expect.arrayContaining(['GET /healthz', 'GET /openapi.json']));
});
