import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pauseListSchema } from '@managed-consul/api-contract';
import { hours } from '@managed-consul/config';
import { startAdminApi, type AdminApiUnderTest } from '../testing/admin-api-under-test';

let api: AdminApiUnderTest;
beforeAll(async () => {
  api = await startAdminApi();
});
afterAll(() => api.stop());

const WHY = { reason: 'Azure loses answers.', ticket: 'INC-3' };
const inHours = (count: number): string => new Date(Date.now() + hours(count)).toISOString();
const post = (path: string, body: object) => api.call(api.tokens.lead, 'POST', path, { body: { ...WHY, ...body } });
const list = async () => pauseListSchema.parse((await api.call(api.tokens.viewer, 'GET', '/admin/pauses')).body).value;

test('a pause is planned, recorded with its reason, listed, and ended before its time', async () => {
  const cluster = await api.newCluster();
  const wish = { scope: 'Cluster', value: cluster.id, until: inHours(2) };
  expect((await post('/admin/pauses?dryRun=true', wish)).body).toMatchObject({ dryRun: true });
  expect(await list()).toEqual([]);
  expect((await post('/admin/pauses', wish)).status).toBe(200);
  const [held] = await list();
  expect(held).toMatchObject({ ...wish, ...WHY });
  const audit = await api.database.prisma.auditEvent.findMany({ where: { clusterId: cluster.id } });
  expect(audit).toMatchObject([{ action: 'pause', ...WHY }]);

  const path = `/admin/pauses/${held?.id ?? ''}/resume`;
  expect((await post(path, {})).status).toBe(200);
  expect(await list()).toEqual([]);
  expect(await post(path, {})).toMatchObject({ status: 409, body: { error: { code: 'Conflict' } } });
});

test.each([
  ['more than a day', { scope: 'All', until: inHours(25) }],
  ['a moment that is over', { scope: 'All', until: inHours(-1) }],
  ['all with a value', { scope: 'All', value: 'x', until: inHours(1) }],
  ['a scope without one', { scope: 'Region', until: inHours(1) }],
  ['a region that is not there', { scope: 'Region', value: 'atlantis', until: inHours(1) }],
  ['a kind that is not there', { scope: 'Kind', value: 'make-coffee', until: inHours(1) }],
  ['a cluster that is not there', { scope: 'Cluster', value: randomUUID(), until: inHours(1) }],
  ['a cluster that is no id', { scope: 'Cluster', value: 'hello', until: inHours(1) }],
])('a pause for %s is refused', async (_what, wish) => {
  expect(await post('/admin/pauses', wish)).toMatchObject({ status: 400, body: { error: { code: 'InvalidRequest' } } });
});
