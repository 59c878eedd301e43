import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterEventListSchema, clusterListSchema, clusterSchema, type ClusterBody } from '@managed-consul/api-contract';
import { startApi, type ApiUnderTest, type Person } from '../testing/api-under-test';

let api: ApiUnderTest;
let owner: Person;

beforeAll(async () => {
  api = await startApi();
  owner = await api.newPerson();
});
afterAll(() => api.stop());

async function newCluster(person = owner, change: { name?: string; networkCidr?: string; installationId?: string } = {}) {
  const installationId = change.installationId ?? (await api.newInstallation(person)).id;
  const body = { name: 'hello', email: 'ops@example.com', ...change, installationId };
  return (await api.clientOf(person).call('createCluster', { body })).body;
}

/** What the worker does when a create has gone well. */
async function finish({ cluster, operation }: Awaited<ReturnType<typeof newCluster>>): Promise<ClusterBody> {
  await api.database.prisma.operation.update({
    where: { id: operation.id },
    data: { state: 'Succeeded', finishedAt: new Date() },
  });
  await api.database.prisma.cluster.update({ where: { id: cluster.id }, data: { provisioningState: 'Succeeded' } });
  return cluster;
}

describe('the list of clusters', () => {
  test('is read page by page, each cluster once, the newest first', async () => {
    const person = await api.newPerson();
    const { id: installationId } = await api.newInstallation(person);
    for (const n of [1, 2, 3, 4, 5])
      await newCluster(person, { installationId, name: `cluster-${n}`, networkCidr: `10.0.${n}.0/24` });
    const names: string[] = [];
    let pageToken: string | undefined;
    let pages = 0;
    do {
      const query = { pageSize: 2, ...(pageToken === undefined ? {} : { pageToken }) };
      const { body } = await api.clientOf(person).call('listClusters', { query });
      const page = clusterListSchema.parse(body);
      names.push(...page.value.map((cluster) => cluster.name));
      pageToken = page.nextPageToken ?? undefined;
      expect(page.nextLink === null).toBe(pageToken === undefined);
      pages += 1;
    } while (pageToken !== undefined);
    expect(pages).toBe(3);
    expect(names).toEqual(['cluster-5', 'cluster-4', 'cluster-3', 'cluster-2', 'cluster-1']);
  });

  test('gives a link to the next page that works', async () => {
    const person = await api.newPerson();
    const { id: installationId } = await api.newInstallation(person);
    for (const n of [1, 2]) await newCluster(person, { installationId, name: `cluster-${n}`, networkCidr: `10.0.${n}.0/24` });
    const first = await api.request(person, 'GET', `/v1/clusters?pageSize=1&installationId=${installationId}`);
    const next = new URL(String(first.body['nextLink']));
    expect(next.origin).toBe('https://api.example.com');
    const second = await api.request(person, 'GET', next.pathname + next.search);
    expect(clusterListSchema.parse(second.body).value.map(({ name }) => name)).toEqual(['cluster-1']);
  });

  test.each([
    'abc',
    Buffer.from('{}').toString('base64url'),
    Buffer.from('{"list":"operations","position":{"id":"1"}}').toString('base64url'),
  ])('refuses the token %s, which is not its own', async (token) => {
    const answer = await api.request(owner, 'GET', `/v1/clusters?pageToken=${token}`);
    expect([answer.status, answer.body.error?.code]).toEqual([400, 'InvalidPageToken']);
  });

  test.each(['pageSize=0', 'pageSize=101', 'pageSize=x', 'installationId=1', 'sort=name'])(
    'refuses the query %s',
    async (query) => {
      const answer = await api.request(owner, 'GET', `/v1/clusters?${query}`);
      expect([answer.status, answer.body.error?.code]).toEqual([400, 'InvalidRequest']);
    },
  );

  test('shows clusters of one installation when asked, and no deleted ones', async () => {
    const person = await api.newPerson();
    const one = await newCluster(person);
    const other = await newCluster(person);
    await api.database.prisma.cluster.update({ where: { id: other.cluster.id }, data: { deletedAt: new Date() } });
    const list = async (query: { installationId?: string }) =>
      (await api.clientOf(person).call('listClusters', { query })).body.value.map(({ id }) => id);
    expect(await list({})).toEqual([one.cluster.id]);
    expect(await list({ installationId: other.cluster.installationId })).toEqual([]);
  });
});

describe('an update', () => {
  test('changes tags and email in place, raises the etag and is recorded', async () => {
    const cluster = await finish(await newCluster());
    const body = { tags: { team: 'mesh' }, email: 'new@example.com' };
    const before = await api.request(owner, 'GET', `/v1/clusters/${cluster.id}`);
    const headers = { 'if-match': before.headers.get('etag') ?? '' };
    const answer = await api.request(owner, 'PATCH', `/v1/clusters/${cluster.id}`, { body, headers });
    expect(answer.status).toBe(200);
    const changed = clusterSchema.parse(answer.body);
    expect(changed).toMatchObject(body);
    expect(answer.headers.get('etag')).toBe(changed.etag);
    expect(changed.etag).not.toBe(cluster.etag);
    const actions = await api.database.prisma.auditEvent.findMany({ where: { clusterId: cluster.id }, orderBy: { id: 'asc' } });
    expect(actions.map(({ action }) => action)).toEqual(['create-cluster', 'update-cluster']);
    expect(JSON.stringify(actions.map(({ detail }) => detail))).not.toContain('new@example.com');
  });

  test('of what was read before somebody else changed it is refused', async () => {
    const cluster = await finish(await newCluster());
    const change = (etag: string, owning: string) =>
      api.request(owner, 'PATCH', `/v1/clusters/${cluster.id}`, { body: { tags: { owning } }, headers: { 'if-match': etag } });
    const both = await Promise.all([change('"1"', 'a'), change('"1"', 'b')]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 412]);
    expect(both.find(({ status }) => status === 412)?.body.error?.code).toBe('PreconditionFailed');
    expect((await change('*', 'c')).status).toBe(200);
  });

  test('during a create is refused, naming the operation in its way', async () => {
    const { cluster, operation } = await newCluster();
    const answer = await api.request(owner, 'PATCH', `/v1/clusters/${cluster.id}`, { body: { tags: {} } });
    expect([answer.status, answer.body.error?.code]).toEqual([409, 'OperationInProgress']);
    expect(answer.body.error?.message).toContain(operation.id);
    expect(answer.body.error?.message).toContain('create-cluster');
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
  });

  test('of anything else, or to something bad, is refused with every problem', async () => {
    const cluster = await finish(await newCluster());
    const body = { servers: 5, email: 'nobody', tags: { 'azure-x': 'y' } };
    const answer = await api.request(owner, 'PATCH', `/v1/clusters/${cluster.id}`, { body });
    expect(answer.status).toBe(400);
    expect(answer.body.error?.details?.map(({ target }) => target)).toEqual(['servers', 'tags.azure-x', 'email']);
  });
});

describe('a delete', () => {
  test('during a create is accepted and asks the create to stop', async () => {
    const { cluster, operation } = await newCluster();
    const answer = await api.request(owner, 'DELETE', `/v1/clusters/${cluster.id}`);
    expect(answer.status).toBe(202);
    const deletion = answer.body['operation'] as { id: string; kind: string };
    expect(deletion.kind).toBe('delete-cluster');
    expect(answer.headers.get('operation-location')).toContain(deletion.id);
    expect((await api.clientOf(owner).call('getOperation', { params: { id: operation.id } })).body.cancelRequested).toBe(true);
    expect((await api.clientOf(owner).call('getCluster', { params: { id: cluster.id } })).body.provisioningState).toBe(
      'Deleting',
    );
  });

  test('that is asked for again, also at once, is the delete that is under way', async () => {
    const { cluster } = await newCluster();
    const path = `/v1/clusters/${cluster.id}`;
    const answers = await Promise.all(Array.from({ length: 5 }, () => api.request(owner, 'DELETE', path)));
    expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(202));
    expect(new Set(answers.map(({ body }) => (body['operation'] as { id: string }).id)).size).toBe(1);
  });

  test('refuses every change behind it', async () => {
    const cluster = await finish(await newCluster());
    await api.clientOf(owner).call('deleteCluster', { params: { id: cluster.id } });
    const answer = await api.request(owner, 'POST', `/v1/clusters/${cluster.id}/root-token`, { body: {} });
    expect([answer.status, answer.body.error?.code]).toEqual([409, 'OperationInProgress']);
    expect(answer.body.error?.message).toContain('delete-cluster');
  });

  test('may take a last snapshot, and keep those there are or not', async () => {
    const asked: [string, object][] = [
      ['', { finalSnapshotId: null, keepSnapshots: true }],
      ['?keepSnapshots=false', { finalSnapshotId: null, keepSnapshots: false }],
      ['?finalSnapshot=true', { finalSnapshotId: expect.stringMatching(/^[\da-f-]{36}$/) as string, keepSnapshots: true }],
    ];
    for (const [query, input] of asked) {
      const { id } = await api.newReadyCluster(owner);
      const answer = await api.request(owner, 'DELETE', `/v1/clusters/${id}${query}`);
      const operationId = (answer.body['operation'] as { id: string }).id;
      const { prisma } = api.database;
      expect((await prisma.operation.findUniqueOrThrow({ where: { id: operationId } })).input).toEqual(input);
    }
  });

  test.each([
    ['finalSnapshot=true&keepSnapshots=false', [400, 'InvalidRequest']],
    ['finalSnapshot=maybe', [400, 'InvalidRequest']],
    ['force=true', [400, 'InvalidRequest']],
  ])('with %s is refused', async (query, expected) => {
    const { id } = await api.newReadyCluster(owner);
    const answer = await api.request(owner, 'DELETE', `/v1/clusters/${id}?${query}`);
    expect([answer.status, answer.body.error?.code]).toEqual(expected);
  });

  test('with a last snapshot of a cluster that cannot give one is refused; without it is not', async () => {
    const { id } = await api.newReadyCluster(owner, { powerState: 'Suspended' });
    const answer = await api.request(owner, 'DELETE', `/v1/clusters/${id}?finalSnapshot=true`);
    expect([answer.status, answer.body.error?.code]).toEqual([409, 'Conflict']);
    expect((await api.request(owner, 'DELETE', `/v1/clusters/${id}`)).status).toBe(202);
  });

  test('of a revision that is gone is refused', async () => {
    const cluster = await finish(await newCluster());
    const answer = await api.request(owner, 'DELETE', `/v1/clusters/${cluster.id}`, { headers: { 'if-match': '"99"' } });
    expect([answer.status, answer.body.error?.code]).toEqual([412, 'PreconditionFailed']);
  });

  test('of a deleted cluster has nothing to do, and the cluster is gone for readers', async () => {
    const cluster = await finish(await newCluster());
    const data = { provisioningState: 'Deleted' as const, deletedAt: new Date() };
    await api.database.prisma.cluster.update({ where: { id: cluster.id }, data });
    const answer = await api.request(owner, 'DELETE', `/v1/clusters/${cluster.id}`);
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect((await api.request(owner, 'GET', `/v1/clusters/${cluster.id}`)).status).toBe(404);
    expect((await api.request(owner, 'DELETE', `/v1/clusters/${randomUUID()}`)).status).toBe(404);
  });
});

test('the events of a cluster are listed, the newest first, page by page', async () => {
  const { cluster } = await newCluster();
  await api.clientOf(owner).call('deleteCluster', { params: { id: cluster.id } });
  const first = await api.clientOf(owner).call('listClusterEvents', { params: { id: cluster.id }, query: { pageSize: 1 } });
  const page = clusterEventListSchema.parse(first.body);
  expect(page.value.map(({ type }) => type)).toEqual(['DeleteRequested']);
  const query = { pageSize: 1, pageToken: page.nextPageToken ?? '' };
  const second = await api.clientOf(owner).call('listClusterEvents', { params: { id: cluster.id }, query });
  expect(second.body.value.map(({ type }) => type)).toEqual(['CreateRequested']);
  expect(second.body.nextPageToken).toBeNull();
});

describe('maintenance', () => {
  test.each([
    ['schedule/rollout/0b2f', 'upgrade-cluster', 'Planned'],
    ['schedule/rotate', 'rotate-server-certificates', 'Planned'],
    ['schedule/observe', 'repair-cluster', 'Unplanned'],
    ['operator/8c1d', 'restart-server', 'Unplanned'],
    ['schedule/snapshot', 'take-snapshot', 'None'],
    ['customer', 'scale-cluster', 'None'],
  ])('asked for by %s, %s is %s while it runs, and no more afterwards', async (requestedBy, kind, state) => {
    const person = await api.newPerson();
    const { id, installationId } = await finish(await newCluster(person));
    const about = { kind, clusterId: id, installationId, subject: `cluster/${id}`, lane: 'Change' as const, requestedBy };
    const operation = await api.database.prisma.operation.create({ data: { ...about, state: 'Running' } });
    const shown = async () => (await api.clientOf(person).call('getCluster', { params: { id } })).body.maintenance;
    expect(await shown()).toMatchObject({ state, operationId: state === 'None' ? null : operation.id });
    await api.database.prisma.operation.update({ where: { id: operation.id }, data: { state: 'Succeeded' } });
    expect(await shown()).toMatchObject({ state: 'None', operationId: null });
  });
});
