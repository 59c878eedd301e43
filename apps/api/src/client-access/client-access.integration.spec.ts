import { randomBytes, randomUUID } from 'node:crypto';
import { unzipSync, strFromU8 } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acceptedRootTokenSchema, clientBundleSchema } from '@managed-consul/api-contract';
import { rootTokenPurpose, secretOwnerOf } from '@managed-consul/clusters';
import { SecretValue } from '@managed-consul/config';
import { startApi, type ApiUnderTest, type Person } from '../testing/api-under-test';

let api: ApiUnderTest;
let owner: Person;

beforeAll(async () => {
  api = await startApi();
  owner = await api.newPerson();
});
afterAll(() => api.stop());

const GOSSIP_KEY = randomBytes(32).toString('base64');

/** A cluster as a worker leaves it behind a create that went well. */
async function newRunningCluster(): Promise<string> {
  const installation = await api.newInstallation(owner);
  const body = { installationId: installation.id, name: 'hello', datacenter: 'dc1', email: 'ops@example.com' };
  const { cluster, operation } = (await api.clientOf(owner).call('createCluster', { body })).body;
  const { prisma } = api.database;
  await prisma.operation.update({ where: { id: operation.id }, data: { state: 'Succeeded' } });
  await prisma.cluster.update({ where: { id: cluster.id }, data: { provisioningState: 'Succeeded' } });
  const clusterId = cluster.id;
  await prisma.server.createMany({
    data: [4, 5, 6].map((n) => ({
      clusterId,
      name: `s${n}`,
      azureName: `s_${n}`,
      instanceId: `${n}`,
      vmId: randomUUID(),
      address: `10.0.0.${n}`,
    })),
  });
  const now = new Date();
  const owned = { owner: secretOwnerOf(clusterId), purpose: 'ca', serial: '01', subject: 'CN=Consul CA' };
  await prisma.certificate.create({
    data: { ...owned, notBefore: now, notAfter: new Date(now.getTime() + 1000), pem: '-----CA-----\n' },
  });
  await api.secrets.put(secretOwnerOf(clusterId), 'gossip-key', new SecretValue(GOSSIP_KEY));
  return clusterId;
}

describe('a root token', () => {
  test('is shown once, sealed in the database, and made valid by an operation', async () => {
    const clusterId = await newRunningCluster();
    const answer = await api.request(owner, 'POST', `/v1/clusters/${clusterId}/root-token`);
    expect(answer.status).toBe(202);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const { operation, rootToken } = acceptedRootTokenSchema.parse(answer.body);
    expect(operation.kind).toBe('create-root-token');
    const sealed = await api.secrets.get(secretOwnerOf(clusterId), rootTokenPurpose(rootToken.accessorId));
    expect(sealed.reveal()).toBe(rootToken.secretId);
    const { prisma } = api.database;
    expect(await prisma.rootToken.findMany({ where: { clusterId } })).toMatchObject([
      { accessorId: rootToken.accessorId, state: 'Pending' },
    ]);
    expect(await prisma.operation.findUnique({ where: { id: operation.id } })).toMatchObject({
      input: { accessorId: rootToken.accessorId },
    });
    const tables = ['operations', 'audit_events', 'cluster_events', 'idempotency_keys', 'root_tokens', 'secrets'];
    for (const table of tables) {
      const rows = await prisma.$queryRawUnsafe<{ row: string }[]>(`SELECT row_to_json(t)::text AS row FROM ${table} t`);
      expect(rows.map(({ row }) => row).join('\n')).not.toContain(rootToken.secretId);
    }
    expect(api.logged.join('')).not.toContain(rootToken.secretId);
  });

  test('asked for twice under one key is the same token, and its secret is not kept with the answer', async () => {
    const clusterId = await newRunningCluster();
    const headers = { 'idempotency-key': randomUUID() };
    const ask = () => api.request(owner, 'POST', `/v1/clusters/${clusterId}/root-token`, { body: {}, headers });
    const [first, second] = [await ask(), await ask()];
    expect([first.status, second.status]).toEqual([202, 202]);
    expect(second.body).toEqual(first.body);
    const { secretId } = acceptedRootTokenSchema.parse(first.body).rootToken;
    const kept = await api.database.prisma.idempotencyKey.findMany({ where: { key: headers['idempotency-key'] } });
    expect(kept).toHaveLength(1);
    expect(JSON.stringify(kept)).not.toContain(secretId);
  });

  test('whose operation ends before the answer is written is shown all the same, and to a repetition no more', async () => {
    const clusterId = await newRunningCluster();
    const { pool } = api.database;
    // At the commit of the request the sealed secret is gone: no worker could be faster.
    await pool.query(`CREATE FUNCTION forget_secret() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN DELETE FROM secrets WHERE owner = NEW.owner AND purpose = NEW.purpose; RETURN NULL; END $$`);
    await pool.query(`CREATE CONSTRAINT TRIGGER forget_secret AFTER INSERT ON secrets DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW WHEN (NEW.owner = '${secretOwnerOf(clusterId)}') EXECUTE FUNCTION forget_secret()`);
    const headers = { 'idempotency-key': randomUUID() };
    const ask = () => api.request(owner, 'POST', `/v1/clusters/${clusterId}/root-token`, { headers });
    const first = await ask();
    expect(first.status).toBe(202);
    const { accessorId, secretId } = acceptedRootTokenSchema.parse(first.body).rootToken;
    expect(secretId).toMatch(/^[\da-f-]{36}$/);
    expect(await api.secrets.find(secretOwnerOf(clusterId), rootTokenPurpose(accessorId))).toBeUndefined();
    const second = await ask();
    expect([second.status, second.body.error?.code]).toEqual([409, 'Conflict']);
  });

  test('is not shown again to a caller whose role has become too weak, or who has none left', async () => {
    const clusterId = await newRunningCluster();
    const headers = { 'idempotency-key': randomUUID() };
    const ask = () => api.request(owner, 'POST', `/v1/clusters/${clusterId}/root-token`, { headers });
    expect((await ask()).status).toBe(202);
    const { prisma } = api.database;
    const { installationId } = await prisma.cluster.findUniqueOrThrow({ where: { id: clusterId } });
    await prisma.roleAssignment.updateMany({ where: { installationId }, data: { role: 'Reader' } });
    const weak = await ask();
    expect([weak.status, weak.body.error?.code]).toEqual([403, 'AuthorizationFailed']);
    await prisma.roleAssignment.deleteMany({ where: { installationId } });
    const stranger = await ask();
    expect([stranger.status, stranger.body.error?.code]).toEqual([404, 'ResourceNotFound']);
  });

  test('of a cluster that does not run is refused', async () => {
    const clusterId = await newRunningCluster();
    await api.database.prisma.cluster.update({ where: { id: clusterId }, data: { provisioningState: 'Failed' } });
    const answer = await api.request(owner, 'POST', `/v1/clusters/${clusterId}/root-token`);
    expect([answer.status, answer.body.error?.code]).toEqual([409, 'Conflict']);
  });

  test('while another is being made is refused, naming the operation', async () => {
    const clusterId = await newRunningCluster();
    const first = await api.request(owner, 'POST', `/v1/clusters/${clusterId}/root-token`);
    const second = await api.request(owner, 'POST', `/v1/clusters/${clusterId}/root-token`);
    expect([second.status, second.body.error?.code]).toEqual([409, 'OperationInProgress']);
    expect(second.body.error?.message).toContain((first.body['operation'] as { id: string }).id);
  });
});

describe('the client bundle', () => {
  test('holds all that an agent needs but a token, is not cached, and reading it is recorded', async () => {
    const clusterId = await newRunningCluster();
    const answer = await api.request(owner, 'POST', `/v1/clusters/${clusterId}/client-bundle`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const bundle = clientBundleSchema.parse(answer.body);
    expect(bundle.caPem).toBe('-----CA-----\n');
    expect(bundle.clientConfiguration).toMatchObject({
      datacenter: 'dc1',
      encrypt: GOSSIP_KEY,
      retry_join: ['10.0.0.4', '10.0.0.5', '10.0.0.6'],
      auto_encrypt: { tls: true },
    });
    const actions = await api.database.prisma.auditEvent.findMany({ where: { clusterId, action: 'read-client-bundle' } });
    expect(actions).toHaveLength(1);
    expect(api.logged.join('')).not.toContain(GOSSIP_KEY);
  });

  test('as zip holds the same files', async () => {
    const clusterId = await newRunningCluster();
    const response = await fetch(`${api.url}/v1/clusters/${clusterId}/client-bundle`, {
      method: 'POST',
      headers: { authorization: `Bearer ${owner.token}`, accept: 'application/zip' },
    });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/zip']);
    const files = unzipSync(new Uint8Array(await response.arrayBuffer()));
    expect(Object.keys(files).sort()).toEqual(['README.md', 'ca.pem', 'client.json']);
    expect(JSON.parse(strFromU8(files['client.json']!))).toMatchObject({ ca_file: './ca.pem', encrypt: GOSSIP_KEY });
  });

  test('does not exist before the servers do', async () => {
    const body = { installationId: (await api.newInstallation(owner)).id, name: 'hello', email: 'ops@example.com' };
    const { cluster } = (await api.clientOf(owner).call('createCluster', { body })).body;
    const answer = await api.request(owner, 'POST', `/v1/clusters/${cluster.id}/client-bundle`);
    expect([answer.status, answer.body.error?.code]).toEqual([409, 'Conflict']);
  });
});
