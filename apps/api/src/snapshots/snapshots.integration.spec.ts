import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acceptedSnapshotSchema, snapshotListSchema, snapshotSchema } from '@managed-consul/api-contract';
import { SecretValue } from '@managed-consul/config';
import type { Cluster } from '@managed-consul/database';
import { snapshotLinkPurpose, snapshotSecretsOwner } from '@managed-consul/snapshots';
import { startApi, type ApiUnderTest, type Person, type RawAnswer } from '../testing/api-under-test';

let api: ApiUnderTest;
let owner: Person;

beforeAll(async () => {
  api = await startApi();
  owner = await api.newPerson();
});
afterAll(() => api.stop());

const codeOf = ({ status, body }: RawAnswer) => [status, body.error?.code];
const operationIdOf = ({ body }: RawAnswer) => (body['operation'] as { id: string }).id;
const end = (id: string, state: 'Succeeded' | 'Failed' = 'Succeeded') =>
  api.database.prisma.operation.update({ where: { id }, data: { state, finishedAt: new Date() } });

describe('a snapshot', () => {
  const take = (cluster: Cluster, body: object = {}, headers = {}) =>
    api.request(owner, 'POST', `/v1/clusters/${cluster.id}/snapshots`, { body, headers });

  test('is asked for, followed, and is the result of its operation', async () => {
    const cluster = await api.newReadyCluster(owner);
    const answer = await take(cluster, { name: 'before the move' });
    expect(answer.status).toBe(202);
    const { snapshot, operation } = acceptedSnapshotSchema.parse(answer.body);
    expect(snapshot).toMatchObject({ name: 'before the move', kind: 'MANUAL', state: 'QUEUED', clusterId: cluster.id });
    expect(snapshot.cluster).toMatchObject({ name: 'hello', servers: 3 });
    expect(answer.headers.get('operation-location')).toBe(`https://api.example.com/v1/operations/${operation.id}`);
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    await end(operation.id);
    const result = await api.request(owner, 'GET', `/v1/operations/${operation.id}/result`);
    expect(snapshotSchema.parse(result.body).id).toBe(snapshot.id);
  });

  test('asked for twice with one Idempotency-Key is one', async () => {
    const cluster = await api.newReadyCluster(owner);
    const headers = { 'idempotency-key': randomUUID() };
    const [first, second] = [await take(cluster, {}, headers), await take(cluster, {}, headers)];
    expect([second.status, second.body]).toEqual([202, first.body]);
    expect(second.headers.get('operation-location')).toBe(first.headers.get('operation-location'));
    expect(await api.database.prisma.snapshot.count({ where: { clusterId: cluster.id } })).toBe(1);
  });

  test('is refused while another operation holds the cluster, naming it', async () => {
    const cluster = await api.newReadyCluster(owner);
    const first = await take(cluster);
    const second = await take(cluster);
    expect(codeOf(second)).toEqual([409, 'OperationInProgress']);
    expect(second.body.error?.message).toContain(operationIdOf(first));
  });

  test.each([
    ['a name that another has, whatever the case', { name: 'Taken' }, [409, 'SnapshotNameExists']],
    ['a name that is none', { name: '../../etc' }, [400, 'InvalidRequest']],
    ['a field that is none', { label: 'x' }, [400, 'InvalidRequest']],
  ])('with %s is refused', async (_, body, expected) => {
    const cluster = await api.newReadyCluster(owner);
    await api.newSnapshot(cluster, { name: 'taken' });
    expect(codeOf(await take(cluster, body))).toEqual(expected);
  });

  test('of a cluster that is suspended, or of a revision that is gone, is refused', async () => {
    const suspended = await api.newReadyCluster(owner, { powerState: 'Suspended' });
    expect(codeOf(await take(suspended))).toEqual([409, 'Conflict']);
    const cluster = await api.newReadyCluster(owner);
    expect(codeOf(await take(cluster, {}, { 'if-match': '"99"' }))).toEqual([412, 'PreconditionFailed']);
  });

  test('is renamed, but not to a name that exists', async () => {
    const cluster = await api.newReadyCluster(owner);
    await api.newSnapshot(cluster, { name: 'one' });
    const { id } = await api.newSnapshot(cluster, { name: 'other' });
    const rename = (name: unknown) => api.request(owner, 'PATCH', `/v1/snapshots/${id}`, { body: { name } });
    expect(codeOf(await rename('ONE'))).toEqual([409, 'SnapshotNameExists']);
    expect(codeOf(await rename(''))).toEqual([400, 'InvalidRequest']);
    expect(codeOf(await rename(7))).toEqual([400, 'InvalidRequest']);
    const renamed = await rename('Other');
    expect(snapshotSchema.parse(renamed.body).name).toBe('Other');
    expect((await api.clientOf(owner).call('getSnapshot', { params: { id } })).body.name).toBe('Other');
  });

  test('is deleted; asked for again, it is the delete that is under way', async () => {
    const cluster = await api.newReadyCluster(owner);
    const { id } = await api.newSnapshot(cluster);
    const path = `/v1/snapshots/${id}`;
    const [first, second] = [await api.request(owner, 'DELETE', path), await api.request(owner, 'DELETE', path)];
    expect([first.status, second.status, operationIdOf(second)]).toEqual([202, 202, operationIdOf(first)]);
    expect(first.headers.get('operation-location')).toContain(operationIdOf(first));
    await end(operationIdOf(first));
    await api.database.prisma.snapshot.update({ where: { id }, data: { deletedAt: new Date() } });
    expect((await api.request(owner, 'GET', `/v1/operations/${operationIdOf(first)}/result`)).status).toBe(204);
    expect(codeOf(await api.request(owner, 'DELETE', path))).toEqual([404, 'ResourceNotFound']);
  });
});

describe('a download link', () => {
  async function newLink() {
    const cluster = await api.newReadyCluster(owner);
    const { id: snapshotId } = await api.newSnapshot(cluster);
    const operationId = operationIdOf(await api.request(owner, 'POST', `/v1/snapshots/${snapshotId}/link`));
    const link = {
      ...{ snapshotId, url: 'https://account.example.com/blob?sig=secret', contentKey: 'a2V5' },
      ...{ expiresAt: '2100-01-01T00:00:00.000Z', storedSha256: 'a', sha256: 'b', howToDecrypt: 'So.' },
    };
    const purpose = snapshotLinkPurpose(operationId);
    await api.secrets.put(snapshotSecretsOwner(cluster.id), purpose, new SecretValue(JSON.stringify(link)));
    return { cluster, snapshotId, operationId, link, path: `/v1/operations/${operationId}/result` };
  }

  test('is shown once, when its operation has ended, and is recorded', async () => {
    const { cluster, operationId, link, path } = await newLink();
    expect((await api.request(owner, 'GET', path)).status).toBe(202);
    await end(operationId);
    const shown = await api.request(owner, 'GET', path);
    expect([shown.status, shown.body, shown.headers.get('cache-control')]).toEqual([200, link, 'no-store']);
    expect(codeOf(await api.request(owner, 'GET', path))).toEqual([404, 'ResourceNotFound']);
    const audit = await api.database.prisma.auditEvent.findMany({ where: { clusterId: cluster.id } });
    expect(audit.map(({ action }) => action)).toEqual(['create-cluster', 'create-snapshot-link', 'read-snapshot-link']);
    expect(api.logged.join('\n')).not.toContain('sig=secret');
  });

  test('is not used up by asking for the headers, nor by who may only read', async () => {
    const { cluster, operationId, link, path } = await newLink();
    await end(operationId);
    const reader = await api.newPerson(owner.tenantId);
    await api.database.prisma.roleAssignment.create({
      data: {
        installationId: cluster.installationId,
        tenantId: reader.tenantId,
        principalId: reader.objectId,
        role: 'Reader',
      },
    });
    expect((await api.request(owner, 'HEAD', path)).status).toBe(200);
    expect(codeOf(await api.request(reader, 'GET', path))).toEqual([403, 'AuthorizationFailed']);
    expect((await api.request(owner, 'GET', path)).body).toEqual(link);
  });

  test('that could not be made has nothing to show', async () => {
    const { operationId, path } = await newLink();
    await end(operationId, 'Failed');
    expect((await api.request(owner, 'GET', path)).status).toBe(204);
  });

  test.each(['link', 'drill'])('and a drill need a snapshot that is good: %s', async (what) => {
    const cluster = await api.newReadyCluster(owner);
    const { id } = await api.newSnapshot(cluster, { state: 'FAILED' });
    expect(codeOf(await api.request(owner, 'POST', `/v1/snapshots/${id}/${what}`))).toEqual([409, 'Conflict']);
  });
});

test('a drill is asked for, and one at a time', async () => {
  const { id } = await api.newSnapshot(await api.newReadyCluster(owner));
  const drill = () => api.request(owner, 'POST', `/v1/snapshots/${id}/drill`, { body: {} });
  const first = await drill();
  expect([first.status, (first.body['operation'] as { kind: string }).kind]).toEqual([202, 'drill-snapshot']);
  expect(codeOf(await drill())).toEqual([409, 'OperationInProgress']);
  await end(operationIdOf(first));
  const result = await api.request(owner, 'GET', `/v1/operations/${operationIdOf(first)}/result`);
  expect(snapshotSchema.parse(result.body)).toMatchObject({ id, lastDrill: null });
});

describe('the lists of snapshots', () => {
  test('hold those of one cluster, of one installation and of all, page by page, also when the cluster is gone', async () => {
    const person = await api.newPerson();
    const [one, other] = [await api.newReadyCluster(person), await api.newReadyCluster(person)];
    const at = (hour: number) => new Date(Date.UTC(2026, 0, 1, hour));
    await api.newSnapshot(one, { name: 'first', createdAt: at(1) });
    await api.newSnapshot(other, { name: 'second', createdAt: at(2) });
    await api.newSnapshot(one, { name: 'third', createdAt: at(3) });
    await api.newSnapshot(one, { name: 'deleted', createdAt: at(4), deletedAt: at(5) });
    await api.database.prisma.cluster.update({ where: { id: one.id }, data: { deletedAt: at(5) } });
    const names = async (path: string) =>
      snapshotListSchema.parse((await api.request(person, 'GET', path)).body).value.map(({ name }) => name);
    expect(await names(`/v1/clusters/${one.id}/snapshots`)).toEqual(['third', 'first']);
    expect(await names(`/v1/snapshots?installationId=${other.installationId}`)).toEqual(['second']);
    expect(await names('/v1/snapshots')).toEqual(['third', 'second', 'first']);
    const page = snapshotListSchema.parse((await api.request(person, 'GET', '/v1/snapshots?pageSize=2')).body);
    const next = new URL(page.nextLink ?? '');
    expect(await names(next.pathname + next.search)).toEqual(['first']);
  });

  test('and the snapshots in them do not exist for another tenant', async () => {
    const cluster = await api.newReadyCluster(owner);
    const { id } = await api.newSnapshot(cluster);
    const stranger = await api.newPerson();
    await api.newInstallation(stranger);
    const asked: [string, string, object?][] = [
      ['GET', `/v1/clusters/${cluster.id}/snapshots`],
      ['POST', `/v1/clusters/${cluster.id}/snapshots`, {}],
      ['GET', `/v1/snapshots?installationId=${cluster.installationId}`],
      ['GET', `/v1/snapshots/${id}`],
      ['PATCH', `/v1/snapshots/${id}`, { name: 'mine' }],
      ['DELETE', `/v1/snapshots/${id}`],
      ['POST', `/v1/snapshots/${id}/link`, {}],
      ['POST', `/v1/snapshots/${id}/drill`, {}],
    ];
    for (const [method, path, body] of asked)
      expect([path, ...codeOf(await api.request(stranger, method, path, { body }))]).toEqual([path, 404, 'ResourceNotFound']);
    expect(snapshotListSchema.parse((await api.request(stranger, 'GET', '/v1/snapshots')).body).value).toEqual([]);
  });
});
