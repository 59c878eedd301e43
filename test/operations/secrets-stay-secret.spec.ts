import { execFile } from 'node:child_process';
import { constants, generateKeyPairSync, privateDecrypt, randomUUID } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminRoutes, routes, type OpenBreakGlassBody } from '@managed-consul/api-contract';
import { breakGlassSubject } from '@managed-consul/clusters';
import { openDatabase } from '@managed-consul/database';
import { carryOut, findPending, planBreakGlassApproval } from '@managed-consul/fleet';
import { createLogger } from '@managed-consul/observability';
import { QueueBell } from '@managed-consul/operations';
import { until } from '@managed-consul/testing';
import { askConsul } from '../support/consul-https';
import { signIn, type Customer } from '../support/customer';
import { serviceStatus, type ServiceStatus } from '../support/service-status';

let status: ServiceStatus;
let customer: Customer;
let clusterId: string;
let operatorToken: string;
let endBreakGlass: (() => Promise<unknown>) | undefined;
/** What must be nowhere in clear, by name. */
const secrets: Record<string, string> = {};

const filesIn = (pattern: string): string[] => globSync(pattern, { cwd: status.stateFolder });
const read = (file: string): string => readFileSync(join(status.stateFolder, file), 'utf8');
/** The line that has the private number of a key; what follows is its public point. */
const lineOf = (pem: string): string => pem.split('\n')[1] ?? '';

interface ServerConfiguration {
  acl: { tokens: Record<string, string> };
}

/** What stands on the servers' own disks and is never shown: the management token, the agents', keys of servers and of gossip. */
function noteWhatIsOnDisks(): void {
  const notes = [
    ...filesIn('**/root/**/config/server.json').flatMap((file) =>
      Object.entries((JSON.parse(read(file)) as ServerConfiguration).acl.tokens),
    ),
    ...filesIn('**/root/**/tls/server-key.pem').map((file) => ['serverKey', lineOf(read(file))] as const),
    ...filesIn('**/root/**/serf/local.keyring').flatMap((file) =>
      (JSON.parse(read(file)) as string[]).map((key) => ['gossipKey', key] as const),
    ),
  ];
  for (const [name, value] of notes) secrets[`${name} ${value.slice(0, 6)}`] = value;
}

/** Names of the secrets that stand in `text`. */
const found = (text: string): string[] =>
  Object.entries(secrets)
    .filter(([, value]) => text.includes(value))
    .map(([name]) => name);

async function everyRow(): Promise<string[]> {
  const client = new pg.Client({ connectionString: status.database.url });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'`,
    );
    const rows: string[] = [];
    for (const { name } of tables.rows) {
      const result = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      rows.push(...result.rows.map(({ row }) => row));
    }
    return rows;
  } finally {
    await client.end();
  }
}

async function everyRedisValue(): Promise<string[]> {
  const redis = new Redis(status.redis.url);
  try {
    const keys = await redis.keys('*');
    const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
    // A key may have expired since it was listed, which the client's types do not say.
    return dumps.map((dump: Buffer | null) => dump?.toString('latin1') ?? '');
  } finally {
    redis.disconnect();
  }
}

async function succeed({ body }: { body: { operation: { id: string } } }): Promise<void> {
  const { status: outcome, kind, error } = await customer.untilEnded(body.operation.id);
  expect([kind, outcome, error ?? null]).toEqual([kind, 'Succeeded', null]);
}

const GROUNDS = { reason: 'To see that nothing leaks.', ticket: 'INC-1' };

/** A request of the one operator that there is here. */
async function asOperator<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  const headers = { authorization: `Bearer ${operatorToken}`, ...(body ? { 'content-type': 'application/json' } : {}) };
  const answer = await fetch(`${status.adminApi.url}${path}`, {
    method,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  expect([path, answer.status]).toEqual([path, 200]);
  return (await answer.json()) as Answer;
}

/** Approves an access as another operator, who has no identity in this Entra. */
async function approveAsAnother(accessId: string): Promise<void> {
  const database = openDatabase({ url: status.database.url, maxConnections: 1 });
  const bell = new QueueBell(status.redis.url, createLogger({ app: 'tests', level: 'silent' }));
  try {
    const another = { tenantId: randomUUID(), objectId: randomUUID(), groupIds: [], correlationId: 'tests' };
    await database.prisma.$transaction(async (tx) =>
      carryOut(tx, another, GROUNDS, await planBreakGlassApproval(tx, accessId, another), { dryRun: false }),
    );
    const opening = await findPending(database, breakGlassSubject(accessId));
    if (opening) await bell.ring(opening);
  } finally {
    await bell.close();
    await database.close();
  }
}

/** Lends the operator a token of the cluster, which stays good while this is looked at, and notes what only the operator knows. */
async function breakGlass(): Promise<void> {
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const wish = { ...GROUNDS, role: 'Diagnostics', minutes: 5, publicKey: keys.publicKey };
  const asked = await asOperator<{ after: { id: string } }>('POST', `/admin/clusters/${clusterId}/break-glass`, wish);
  const { id } = asked.after;
  await approveAsAnother(id);
  const read = () => asOperator<OpenBreakGlassBody>('GET', `/admin/break-glass/${id}`);
  const sealed = await until(async () => (await read()).sealedToken, { within: 60_000, because: 'the access is open' });
  const padding = { key: keys.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  secrets['breakGlassToken'] = privateDecrypt(padding, Buffer.from(sealed, 'base64')).toString();
  endBreakGlass = () => asOperator('POST', `/admin/break-glass/${id}/revoke`, GROUNDS);
}

/** Has every kind of secret made, used and replaced, on the cluster that `./hcs up` has created. */
async function handleSecrets(): Promise<void> {
  const { api } = customer;
  const params = { id: clusterId };
  const { body: cluster } = await api.call('getCluster', { params });
  const bundle = await api.call('createClientBundle', { params, body: {} });
  const root = await api.call('createRootToken', { params, body: {} });
  await succeed(root);
  secrets['rootToken'] = root.body.rootToken.secretId;
  secrets['customersData'] = `customers-data-${randomUUID()}`;
  noteWhatIsOnDisks();
  const [server] = cluster.observed.servers;
  const consul = { address: server?.address ?? '', datacenter: cluster.datacenter, ca: bundle.body.caPem };
  const put = await askConsul({ ...consul, token: secrets['rootToken'] }, 'PUT', '/v1/kv/marked', secrets['customersData']);
  expect(put.status).toBe(200);

  await succeed(await api.call('createSnapshot', { params, body: {} }));
  const [snapshot] = (await api.call('listClusterSnapshots', { params })).body.value;
  const link = await api.call('createSnapshotLink', { params: { id: snapshot?.id ?? '' }, body: {} });
  await succeed(link);
  await succeed(await api.call('restoreCluster', { params, body: { snapshotId: snapshot?.id ?? '', safetySnapshot: false } }));
  for (const what of ['GossipKey', 'AgentTokens', 'ServerCertificates'] as const)
    await succeed(await api.call('createRotation', { params, body: { what } }));
  noteWhatIsOnDisks();
}

beforeAll(async () => {
  status = await serviceStatus();
  customer = signIn(status, status.samples.customer);
  clusterId = status.cluster?.id ?? '';
  operatorToken = (await promisify(execFile)('./hcs', ['token', '--operator'])).stdout.trim();
  await handleSecrets();
  await breakGlass();
  Object.assign(secrets, {
    bearerToken: await customer.token(),
    operatorToken,
    clientSecret: customer.identity.clientSecret,
    databasePassword: new URL(status.database.url).password,
    keyEncryptionKey: read('secrets/key-encryption.key').trim(),
    gatewayKey: lineOf(read('secrets/gateway-key.pem')),
    gatewayAuthorityKey: lineOf(read('secrets/gateway-ca-key.pem')),
  });
  const kinds = new Set(Object.keys(secrets).map((name) => name.split(' ', 1)[0]));
  for (const kind of ['agent', 'gossipKey', 'serverKey']) expect(kinds).toContain(kind);
  for (const [name, value] of Object.entries(secrets)) expect([name, value.length > 15]).toEqual([name, true]);
});

afterAll(() => endBreakGlass?.());

describe('the secrets of a cluster, and of the service,', () => {
  it('are in no log, of a process or of a machine', () => {
    const logs = [...filesIn('logs/*'), ...filesIn('runtime/azure-emulator/machines/*/journal/*')];
    expect(logs.length).toBeGreaterThan(7);
    for (const log of logs) expect([log, found(read(log))]).toEqual([log, []]);
    // The right logs: they tell of the cluster.
    expect(logs.filter((log) => read(log).includes(clusterId)).length).toBeGreaterThan(1);
  });

  it('are in no row of the database', async () => {
    const rows = await everyRow();
    expect(rows.length).toBeGreaterThan(100);
    expect(rows.some((row) => row.includes(clusterId))).toBe(true);
    expect(rows.flatMap(found)).toEqual([]);
  });

  it('are in no job and no other value of Redis', async () => {
    const values = await everyRedisValue();
    expect(values.length).toBeGreaterThan(0);
    expect(values.flatMap(found)).toEqual([]);
  });

  it('are in no figure of any process', async () => {
    const asked = status.components.flatMap(
      ({ port, otherPorts }) => otherPorts['metrics'] ?? otherPorts['internal'] ?? port ?? [],
    );
    const scrapes = await Promise.all(
      asked.map((port) =>
        fetch(`http://127.0.0.1:${port}/metrics`).then(
          async (answer) => (answer.ok ? answer.text() : ''),
          () => '',
        ),
      ),
    );
    const told = scrapes.filter((scrape) => scrape.includes('process_cpu_seconds_total'));
    // Of api, admin-api, worker and gateway; the others are not ours.
    expect(told.length).toBeGreaterThanOrEqual(4);
    expect(told.flatMap(found)).toEqual([]);
  });

  it('are in nothing that Azure was told, deployments and stored snapshots among it', () => {
    // Azure itself knows the customer's secret, which is of its seed.
    const { clientSecret: _ofTheSeed, ...told } = secrets;
    const stores = [...filesIn('runtime/azure-emulator/azure.sqlite*'), ...filesIn('runtime/azure-emulator/blobs/extents/**')];
    const text = stores
      .filter((file) => !file.endsWith('extents'))
      .map((file) => readFileSync(join(status.stateFolder, file), 'latin1'))
      .join('');
    expect(text).toContain('Microsoft.Resources/deployments');
    expect(Object.entries(told).filter(([, value]) => text.includes(value))).toEqual([]);
  });

  const ofOneCluster = (path: string): boolean => /^\/v1\/clusters\/\{id\}/.test(path) && !/\{(?!id\})/.test(path);

  it('are in no answer to a read of the customer', async () => {
    const operations = (await customer.api.call('listClusterOperations', { params: { id: clusterId } })).body.value;
    const paths = Object.values(routes)
      .filter(({ method, path }) => method === 'GET' && ofOneCluster(path))
      .map(({ path }) => path.replace('{id}', clusterId));
    expect(paths.length).toBeGreaterThan(5);
    paths.push('/v1/clusters', '/v1/installations', '/v1/snapshots', ...operations.map(({ id }) => `/v1/operations/${id}`));
    for (const path of paths) {
      const headers = { authorization: `Bearer ${secrets['bearerToken'] ?? ''}` };
      const answer = await fetch(`${status.api.url}${path}`, { headers });
      expect([path, answer.status < 500, found(await answer.text())]).toEqual([path, true, []]);
    }
  });

  it('are in no answer to a read of an operator, nor on the page of the fleet and the board of its queue', async () => {
    const paths = Object.values(adminRoutes)
      .filter(({ method, path }) => method === 'GET' && (!path.includes('{') || path.startsWith('/admin/clusters/{id}')))
      .map(({ path }) => path.replace('{id}', clusterId));
    expect(paths).toContain(`/admin/clusters/${clusterId}/dump`);
    for (const path of [...paths, '/fleet', '/fleet/queue/api/queues']) {
      const headers = { authorization: `Bearer ${operatorToken}`, cookie: `fleet=${operatorToken}` };
      const answer = await fetch(`${status.adminApi.url}${path}`, { headers });
      expect([path, answer.status < 500, found(await answer.text())]).toEqual([path, true, []]);
    }
  });
});
