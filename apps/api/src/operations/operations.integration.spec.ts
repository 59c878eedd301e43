import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operationListSchema, operationSchema, operationStepSchema } from '@managed-consul/api-contract';
import type { Prisma } from '@managed-consul/database';
import { until } from '@managed-consul/testing';
import { startApi, type ApiUnderTest, type Person } from '../testing/api-under-test';

let api: ApiUnderTest;
let owner: Person;

beforeAll(async () => {
  api = await startApi();
  owner = await api.newPerson();
});
afterAll(() => api.stop());

const newCluster = async () => {
  const body = { installationId: (await api.newInstallation(owner)).id, name: 'hello', email: 'ops@example.com' };
  return (await api.clientOf(owner).call('createCluster', { body })).body;
};

/** Writes as the runner does: the change, and word of it, in one transaction. */
async function write(
  id: string,
  change: Prisma.OperationUpdateInput,
  step?: Omit<Prisma.OperationStepUncheckedCreateInput, 'operationId'>,
) {
  await api.database.prisma.$transaction(async (tx) => {
    await tx.operation.update({ where: { id }, data: { revision: { increment: 1 }, ...change } });
    if (step) {
      const { name, item = '' } = step;
      const key = { operationId_name_item: { operationId: id, name, item } };
      await tx.operationStep.upsert({ where: key, create: { ...step, operationId: id }, update: step });
    }
    await tx.$queryRaw`SELECT pg_notify('operation_changed', ${id})::text`;
  });
}

const stepNamed = (name: string, position: number, state: 'Running' | 'Waiting' | 'Succeeded') => ({
  name,
  position,
  state,
  attempts: 1,
  startedAt: new Date('2026-01-01T00:00:00Z'),
});

const eventsOf = (text: string) =>
  text
    .split('\n\n')
    .filter((block) => block.includes('event: '))
    .map((block) => ({
      id: /^id: (.*)$/m.exec(block)?.[1] ?? '',
      event: /^event: (.*)$/m.exec(block)?.[1],
      data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? 'null') as Record<string, unknown>,
    }));

describe('an operation', () => {
  test('is read with its steps, and listed with the cluster', async () => {
    const { cluster, operation } = await newCluster();
    await write(
      operation.id,
      { state: 'Running', startedAt: new Date() },
      {
        ...stepNamed('ensureNetwork', 1, 'Succeeded'),
        lastProblem: 'Azure could not deploy: 429 TooManyRequests',
      },
    );
    const answer = await api.request(owner, 'GET', `/v1/operations/${operation.id}`);
    expect(operationSchema.parse(answer.body)).toMatchObject({
      status: 'Running',
      steps: [{ name: 'ensureNetwork', state: 'Succeeded', lastProblem: 'Azure could not deploy: 429 TooManyRequests' }],
    });
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    const list = await api.clientOf(owner).call('listClusterOperations', { params: { id: cluster.id } });
    expect(operationListSchema.parse(list.body).value.map(({ id }) => id)).toEqual([operation.id]);
  });

  test('that is waited for answers as soon as it changes', async () => {
    const { operation } = await newCluster();
    await until(() => api.services.changes.isListening, { within: 10_000 });
    const waiting = api.request(owner, 'GET', `/v1/operations/${operation.id}?wait=30`);
    let answered = false;
    void waiting.then(() => (answered = true));
    // Again and again: a change before the request has looked is none for it.
    const changed = async () => {
      await write(operation.id, { state: 'Running', startedAt: new Date() });
      return answered;
    };
    await until(changed, { within: 15_000 });
    expect(operationSchema.parse((await waiting).body).status).toBe('Running');
  });

  test('that does not change answers when the time is up, and one that has ended at once', async () => {
    const { operation } = await newCluster();
    expect((await api.request(owner, 'GET', `/v1/operations/${operation.id}?wait=1`)).body['status']).toBe('Pending');
    await write(operation.id, {
      state: 'Failed',
      errorCode: 'QuotaExceeded',
      errorMessage: 'Ask Azure for more.',
      errorStep: 'ensureServers',
    });
    const ended = await api.request(owner, 'GET', `/v1/operations/${operation.id}?wait=60`);
    expect(ended.body['error']).toEqual({ code: 'QuotaExceeded', message: 'Ask Azure for more.', step: 'ensureServers' });
    expect(ended.headers.get('retry-after')).toBeNull();
  });

  test.each(['-1', '61', 'x'])('cannot be waited for %s seconds', async (wait) => {
    const { operation } = await newCluster();
    expect((await api.request(owner, 'GET', `/v1/operations/${operation.id}?wait=${wait}`)).status).toBe(400);
  });

  test('has a result once it has ended', async () => {
    const { cluster, operation } = await newCluster();
    const path = `/v1/operations/${operation.id}/result`;
    const early = await api.request(owner, 'GET', path);
    expect([early.status, early.text, early.headers.get('location')]).toEqual([202, '', `https://api.example.com${path}`]);
    await write(operation.id, { state: 'Succeeded' });
    expect((await api.request(owner, 'GET', path)).body['id']).toBe(cluster.id);
    await api.database.prisma.cluster.update({ where: { id: cluster.id }, data: { deletedAt: new Date() } });
    expect((await api.request(owner, 'GET', path)).status).toBe(204);
  });

  test('can be asked to stop, but not after its end, and a delete never', async () => {
    const { cluster, operation } = await newCluster();
    const cancel = (id: string) => api.request(owner, 'POST', `/v1/operations/${id}/cancel`);
    const answer = await cancel(operation.id);
    expect([answer.status, (answer.body['operation'] as { cancelRequested: boolean }).cancelRequested]).toEqual([202, true]);
    await write(operation.id, { state: 'Canceled' });
    const late = await cancel(operation.id);
    expect([late.status, late.body.error?.code]).toEqual([409, 'Conflict']);
    const deletion = await api.clientOf(owner).call('deleteCluster', { params: { id: cluster.id } });
    expect((await cancel(deletion.body?.operation.id ?? '')).status).toBe(409);
    const actions = await api.database.prisma.auditEvent.findMany({ where: { operationId: operation.id } });
    expect(actions.map(({ action }) => action)).toContain('cancel-operation');
  });

  test('are not canceled when it cannot be recorded who canceled them', async () => {
    const { operation } = await newCluster();
    const { pool, prisma } = api.database;
    await pool.query(`CREATE FUNCTION refuse_audit() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'no room left'; END $$`);
    await pool.query(`CREATE TRIGGER refuse_audit BEFORE INSERT ON audit_events
      FOR EACH ROW WHEN (NEW.operation_id = '${operation.id}') EXECUTE FUNCTION refuse_audit()`);
    const answer = await api.request(owner, 'POST', `/v1/operations/${operation.id}/cancel`);
    expect(answer.status).toBe(500);
    expect(await prisma.operation.findUnique({ where: { id: operation.id } })).toMatchObject({ cancelRequestedAt: null });
  });
});

describe('the event stream', () => {
  test('sends each step as it changes and the operation at the end, then closes', async () => {
    const { operation } = await newCluster();
    const streaming = api.request(owner, 'GET', `/v1/operations/${operation.id}/events`);
    await write(operation.id, { state: 'Running' }, stepNamed('first', 1, 'Succeeded'));
    await write(operation.id, {}, { ...stepNamed('second', 2, 'Waiting'), waitingFor: 'Azure is creating the servers.' });
    await write(operation.id, {}, { ...stepNamed('second', 2, 'Succeeded'), waitingFor: null });
    await write(operation.id, { state: 'Succeeded' });
    const answer = await streaming;
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const events = eventsOf(answer.text);
    const steps = events.filter(({ event }) => event === 'step').map(({ data }) => operationStepSchema.parse(data));
    expect(steps.at(0)).toMatchObject({ name: 'first', state: 'Succeeded' });
    expect(steps.at(-1)).toMatchObject({ name: 'second', state: 'Succeeded' });
    expect(events.at(-1)).toMatchObject({ id: 'end', event: 'operation', data: { status: 'Succeeded' } });
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  });

  test('resumes behind the last event that was seen, with what has changed since', async () => {
    const { operation } = await newCluster();
    await write(operation.id, { state: 'Running' }, stepNamed('first', 1, 'Succeeded'));
    await write(operation.id, {}, stepNamed('second', 2, 'Running'));
    await write(operation.id, { state: 'Failed', errorCode: 'X', errorMessage: 'Y' }, stepNamed('third', 3, 'Running'));
    const path = `/v1/operations/${operation.id}/events`;
    const all = eventsOf((await api.request(owner, 'GET', path)).text);
    expect(all.map(({ data }) => data['name'])).toEqual(['first', 'second', 'third', undefined]);
    const from = async (id: string) =>
      eventsOf((await api.request(owner, 'GET', path, { headers: { 'last-event-id': id } })).text).map(
        ({ data }) => data['name'],
      );
    expect(await from(all[0]!.id)).toEqual(['second', 'third', undefined]);
    expect(await from(all[2]!.id)).toEqual([undefined]);
    await write(operation.id, {}, stepNamed('third', 3, 'Succeeded'));
    expect(await from(all[2]!.id)).toEqual(['third', undefined]);
    expect(await from('garbage')).toEqual(['first', 'second', 'third', undefined]);
    expect((await api.request(owner, 'GET', path, { headers: { 'last-event-id': 'end' } })).status).toBe(204);
  });
});
