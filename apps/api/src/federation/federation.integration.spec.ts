import { createdFederationTokenSchema, federationSchema } from '@managed-consul/api-contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApi, type ApiUnderTest, type Person } from '../testing/api-under-test';

let api: ApiUnderTest;
let owner: Person;

beforeAll(async () => {
  api = await startApi();
  owner = await api.newPerson();
  const program = { version: '1.8.7', platform: 'linux-amd64', sha256: '0'.repeat(64), sizeBytes: 1 };
  await api.database.prisma.consulArtifact.createMany({ data: [program], skipDuplicates: true });
});
afterAll(() => api.stop());

/** A primary with a token of it that no operation is unfinished behind. */
async function newPrimary(): Promise<{ id: string; federationToken: string }> {
  const { id } = await api.newReadyCluster(owner, { datacenter: 'dc1' });
  const { federationToken } = (await api.clientOf(owner).call('createFederationToken', { params: { id }, body: {} })).body;
  await api.endOperations(id);
  return { id, federationToken };
}

async function secondaryBody(federationToken: string) {
  const installationId = (await api.newInstallation(owner)).id;
  return { installationId, name: 'west', networkCidr: '10.9.0.0/24', email: 'ops@example.com', federationToken };
}

describe('a federation token', () => {
  test('is answered once, never cached, kept nowhere, and points to the operation that opens the cluster', async () => {
    const { id } = await api.newReadyCluster(owner);
    const answer = await api.request(owner, 'POST', `/v1/clusters/${id}/federation-tokens`, { body: {} });
    const { federationToken, operation } = createdFederationTokenSchema.parse(answer.body);
    expect(operation).toMatchObject({ kind: 'open-federation', clusterId: id });
    expect(answer.headers.get('operation-location')).toContain(operation?.id);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const rows = await api.database.prisma.auditEvent.findMany({ where: { clusterId: id } });
    expect(rows.map(({ action }) => action)).toContain('create-federation-token');
    expect(JSON.stringify(rows, (_key, value: unknown) => (typeof value === 'bigint' ? '' : value))).not.toContain(
      federationToken,
    );
  });

  test('needs the role Contributor', async () => {
    const { id, installationId } = await api.newReadyCluster(owner);
    const reader = await api.newPerson();
    const role = { tenantId: reader.tenantId, principalId: reader.objectId, role: 'Reader' } as const;
    await api.database.prisma.roleAssignment.create({ data: { installationId, ...role } });
    const asked = api.clientOf(reader).call('createFederationToken', { params: { id }, body: {} });
    await expect(asked).rejects.toMatchObject({ status: 403, code: 'AuthorizationFailed' });
  });
});

describe('a secondary', () => {
  test('is asked for with the token, and both sides show the same federation', async () => {
    const primary = await newPrimary();
    const client = api.clientOf(owner);
    const body = await secondaryBody(primary.federationToken);
    expect((await client.call('preflight', { body })).body).toEqual({ acceptable: true, problems: [] });
    const { cluster, operation } = (await client.call('createCluster', { body })).body;
    expect(operation.kind).toBe('create-secondary');
    const [there, here] = await Promise.all(
      [primary.id, cluster.id].map((id) => api.request(owner, 'GET', `/v1/clusters/${id}/federation`)),
    );
    expect(federationSchema.parse(here?.body)).toMatchObject({
      state: 'Running',
      primary: { id: primary.id, datacenter: 'dc1' },
      secondaries: [{ id: cluster.id, datacenter: 'west', joinedAt: null }],
    });
    expect(there?.body).toEqual(here?.body);
    const refused = client.call('deleteCluster', { params: { id: primary.id } });
    await expect(refused).rejects.toMatchObject({ status: 409, code: 'FederationHasSecondaries' });
  });

  test('is refused with a token that is none, or together with a snapshot', async () => {
    const { federationToken } = await newPrimary();
    const client = api.clientOf(owner);
    const wrong = (await client.call('preflight', { body: await secondaryBody('eyJ.none') })).body;
    expect(wrong.problems.map(({ code }) => code)).toEqual(['FederationTokenInvalid']);
    const restoreFromSnapshotId = '0193c1f0-0000-7000-8000-000000000000';
    const both = { ...(await secondaryBody(federationToken)), restoreFromSnapshotId };
    expect((await client.call('preflight', { body: both })).body.problems.map(({ code }) => code)).toEqual([
      'SecondaryFromSnapshot',
    ]);
    await expect(client.call('createCluster', { body: both })).rejects.toMatchObject({ status: 400, code: 'InvalidRequest' });
  });
});

test('a cluster that is in no federation says so', async () => {
  const { id } = await api.newReadyCluster(owner);
  const { body } = await api.clientOf(owner).call('getFederation', { params: { id } });
  expect(body).toEqual({ state: 'NotFederated', primary: null, secondaries: [] });
});
