import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acceptedClusterSchema } from '@managed-consul/api-contract';
import { startApi, type ApiUnderTest, type Person } from '../testing/api-under-test';

let api: ApiUnderTest;
let owner: Person;

beforeAll(async () => {
  api = await startApi();
  owner = await api.newPerson();
});
afterAll(() => api.stop());

const newSpec = async () => ({ installationId: (await api.newInstallation(owner)).id, name: 'hello', email: 'ops@example.com' });
const create = (body: unknown, key: string, person = owner) =>
  api.request(person, 'POST', '/v1/clusters', { body, headers: { 'idempotency-key': key } });

describe('an Idempotency-Key', () => {
  test('gives the same answer to the same request, and makes one cluster', async () => {
    const body = await newSpec();
    const key = randomUUID();
    const first = await create(body, key);
    const second = await create(body, key);
    expect([first.status, second.status]).toEqual([202, 202]);
    expect(second.body).toEqual(first.body);
    expect(acceptedClusterSchema.parse(second.body)).toBeTruthy();
    for (const name of ['operation-location', 'location', 'retry-after', 'etag']) {
      expect(second.headers.get(name)).toBe(first.headers.get(name));
    }
    expect(await api.database.prisma.cluster.count({ where: { installationId: body.installationId } })).toBe(1);
  });

  test('used at once by 20 requests makes one cluster, one operation, and 20 equal answers', async () => {
    const body = await newSpec();
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 20 }, () => create(body, key)));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(202));
    expect(new Set(answers.map((answer) => JSON.stringify(acceptedClusterSchema.parse(answer.body)))).size).toBe(1);
    const { installationId } = body;
    expect(await api.database.prisma.cluster.count({ where: { installationId } })).toBe(1);
    expect(await api.database.prisma.operation.count({ where: { installationId } })).toBe(1);
    expect(await api.database.prisma.auditEvent.count({ where: { installationId } })).toBe(1);
  });

  test('of another body is refused', async () => {
    const body = await newSpec();
    const key = randomUUID();
    await create(body, key);
    const answer = await create({ ...body, servers: 1 }, key);
    expect([answer.status, answer.body.error?.code]).toEqual([409, 'IdempotencyKeyReused']);
  });

  test('belongs to its caller: another may use the same', async () => {
    const key = randomUUID();
    const other = await api.newPerson();
    const body = { installationId: (await api.newInstallation(other)).id, name: 'hello', email: 'ops@example.com' };
    const mine = await create(await newSpec(), key);
    const theirs = await create(body, key, other);
    expect([mine.status, theirs.status]).toEqual([202, 202]);
    expect(theirs.body['cluster']).not.toEqual(mine.body['cluster']);
  });

  test('of a refused request is free for the mended one', async () => {
    const body = await newSpec();
    const key = randomUUID();
    expect((await create({ ...body, servers: 2 }, key)).status).toBe(400);
    expect((await create(body, key)).status).toBe(202);
  });

  test('repeats a change as well, without changing again', async () => {
    const created = await create(await newSpec(), randomUUID());
    const { cluster, operation } = acceptedClusterSchema.parse(created.body);
    await api.database.prisma.operation.update({ where: { id: operation.id }, data: { state: 'Succeeded' } });
    const headers = { 'idempotency-key': randomUUID(), 'if-match': cluster.etag };
    const change = () => api.request(owner, 'PATCH', `/v1/clusters/${cluster.id}`, { body: { tags: { a: 'b' } }, headers });
    const answers = [await change(), await change(), ...(await Promise.all([change(), change()]))];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(new Set(answers.map((answer) => answer.headers.get('etag')))).toEqual(new Set(['"2"']));
  });

  test('gives the answer to a change only while its caller may change the cluster', async () => {
    const body = await newSpec();
    const { cluster, operation } = acceptedClusterSchema.parse((await create(body, randomUUID())).body);
    await api.database.prisma.operation.update({ where: { id: operation.id }, data: { state: 'Succeeded' } });
    const headers = { 'idempotency-key': randomUUID() };
    const change = () => api.request(owner, 'PATCH', `/v1/clusters/${cluster.id}`, { body: { tags: { a: 'b' } }, headers });
    expect((await change()).status).toBe(200);
    const where = { installationId: body.installationId };
    await api.database.prisma.roleAssignment.updateMany({ where, data: { role: 'Reader' } });
    const weak = await change();
    expect([weak.status, weak.body.error?.code]).toEqual([403, 'AuthorizationFailed']);
    await api.database.prisma.roleAssignment.deleteMany({ where });
    expect((await change()).status).toBe(404);
  });

  test.each(['', 'with space', 'x'.repeat(129)])('%j is none', async (key) => {
    const answer = await create(await newSpec(), key);
    expect([answer.status, answer.body.error?.code]).toEqual([400, 'InvalidRequest']);
  });
});
