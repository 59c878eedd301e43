import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { breakGlassListSchema, openBreakGlassSchema, type AdminRole } from '@managed-consul/api-contract';
import { FakeClock } from '@managed-consul/testing';
import { minutes } from '@managed-consul/config';
import type { Cluster } from '@managed-consul/database';
import { endDueBreakGlass } from '@managed-consul/fleet';
import { startAdminApi, type AdminApiUnderTest } from '../testing/admin-api-under-test';

let api: AdminApiUnderTest;
beforeAll(async () => {
  api = await startAdminApi();
});
afterAll(() => api.stop());

const WHY = { reason: 'Raft has no leader.', ticket: 'INC-7' };
const keysOf = (modulusLength: number) =>
  generateKeyPairSync('rsa', {
    modulusLength,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
const KEYS = keysOf(2048);
const WISH = { ...WHY, role: 'Diagnostics', minutes: 30, publicKey: KEYS.publicKey };

const post = (role: AdminRole, path: string, body: object = WHY) => api.call(api.tokens[role], 'POST', path, { body });
const ask = (role: AdminRole, cluster: Cluster, more: object = {}) =>
  post(role, `/admin/clusters/${cluster.id}/break-glass`, { ...WISH, ...more });

async function asked(role: AdminRole = 'operator'): Promise<{ cluster: Cluster; id: string; path: string }> {
  const cluster = await api.newCluster();
  const { id } = (await ask(role, cluster)).body['after'] as { id: string };
  return { cluster, id, path: `/admin/break-glass/${id}` };
}

const read = async (role: AdminRole, path: string) =>
  openBreakGlassSchema.parse((await api.call(api.tokens[role], 'GET', path)).body);
const operationsOf = (id: string) =>
  api.database.prisma.operation.findMany({ where: { subject: `break-glass/${id}` }, orderBy: { createdAt: 'asc' } });

test('nothing happens before another person approves, and then it is opened for its time', async () => {
  const { cluster, id, path } = await asked();
  expect(await operationsOf(id)).toEqual([]);
  expect(await post('lead', `${path}/approve?dryRun=true`)).toMatchObject({ status: 200, body: { dryRun: true } });
  expect((await read('lead', path)).state).toBe('Requested');

  expect((await post('lead', `${path}/approve`)).status).toBe(200);
  const { state, approvedBy, approvedAt, endsAt } = await read('viewer', path);
  expect({ state, approvedBy }).toEqual({ state: 'Approved', approvedBy: api.objectIds.lead });
  expect(new Date(endsAt ?? 0).getTime() - new Date(approvedAt ?? 0).getTime()).toBe(minutes(30));
  expect(await operationsOf(id)).toMatchObject([{ kind: 'open-break-glass', clusterId: cluster.id, input: { accessId: id } }]);
  const audit = await api.database.prisma.auditEvent.findMany({ where: { clusterId: cluster.id }, orderBy: { id: 'asc' } });
  expect(audit.map(({ action, actorId, ticket }) => [action, actorId, ticket])).toEqual([
    ['request-break-glass', api.objectIds.operator, WHY.ticket],
    ['approve-break-glass', api.objectIds.lead, WHY.ticket],
  ]);
  expect(await post('lead', `${path}/approve`)).toMatchObject({ status: 409, body: { error: { code: 'Conflict' } } });
});

test('whoever asked cannot approve it, be it a lead, and the database holds that too', async () => {
  const { id, path } = await asked('lead');
  expect(await post('lead', `${path}/approve`)).toMatchObject({
    status: 403,
    body: { error: { code: 'AuthorizationFailed', message: expect.stringContaining('Another person') } },
  });
  const self = { approvedBy: api.objectIds.lead };
  await expect(api.database.prisma.breakGlassAccess.update({ where: { id }, data: self })).rejects.toThrow();
});

test('only whoever asked finds the token, and only sealed', async () => {
  const { id, path } = await asked();
  await post('lead', `${path}/approve`);
  await api.database.prisma.breakGlassAccess.update({ where: { id }, data: { state: 'Open', sealedToken: 'c2VhbGVk' } });
  expect((await read('operator', path)).sealedToken).toBe('c2VhbGVk');
  for (const role of ['viewer', 'lead'] as const) expect((await read(role, path)).sealedToken, role).toBeNull();
  const { body } = await api.call(api.tokens.operator, 'GET', '/admin/break-glass');
  expect(JSON.stringify(body)).not.toContain('c2VhbGVk');
});

test('it is closed when it is revoked, and overtakes an opening that is under way', async () => {
  const { id, path } = await asked();
  await post('lead', `${path}/approve`);
  expect((await post('operator', `${path}/revoke`)).status).toBe(200);
  expect(await operationsOf(id)).toMatchObject([
    { kind: 'open-break-glass', cancelRequestedAt: expect.any(Date) },
    { kind: 'close-break-glass', lane: 'Delete' },
  ]);
  expect(await post('operator', `${path}/revoke`)).toMatchObject({
    status: 409,
    body: { error: { code: 'OperationInProgress' } },
  });
});

test('a request is taken back, or lapses after an hour, and opens nothing any more', async () => {
  const [taken, lapsed] = [await asked(), await asked()];
  await post('operator', `${taken.path}/revoke`);
  const clock = new FakeClock(new Date());
  clock.advance(minutes(61));
  await endDueBreakGlass(api.database, clock);
  expect((await read('viewer', taken.path)).state).toBe('Withdrawn');
  expect((await read('viewer', lapsed.path)).state).toBe('Lapsed');
  for (const { path } of [taken, lapsed]) {
    expect((await post('lead', `${path}/approve`)).body.error?.code).toBe('Conflict');
    expect((await post('operator', `${path}/revoke`)).body.error?.code).toBe('Conflict');
  }
});

test('is closed when its time is over, once, and again ten minutes after a close that failed', async () => {
  const { id, path } = await asked();
  await post('lead', `${path}/approve`);
  const clock = new FakeClock(new Date());
  const end = async () => {
    const ended = [];
    for (let next = await endDueBreakGlass(api.database, clock); next; next = await endDueBreakGlass(api.database, clock))
      ended.push(next.subject);
    return ended.filter((subject) => subject === `break-glass/${id}`);
  };
  clock.advance(minutes(29));
  expect(await end()).toEqual([]);
  clock.advance(minutes(2));
  expect(await end()).toHaveLength(1);
  expect(await end()).toEqual([]);
  const [, close] = await operationsOf(id);
  const failed = { state: 'Failed', finishedAt: clock.now(), wakeAt: null } as const;
  await api.database.prisma.operation.update({ where: { id: close?.id ?? '' }, data: failed });
  expect(await end()).toEqual([]);
  clock.advance(minutes(11));
  expect(await end()).toHaveLength(1);
});

test.each([
  ['no key', { publicKey: 'none' }],
  ['a private key', { publicKey: KEYS.privateKey }],
  ['a short key', { publicKey: keysOf(1024).publicKey }],
  ['a role that is not on the list', { role: 'Everything' }],
  ['a day', { minutes: 1440 }],
  ['no time', { minutes: 0 }],
  ['less than the service is set to', { minutes: 4 }],
  ['more than it is set to', { minutes: 241 }],
  ['no reason', { reason: '' }],
])('is refused with %s', async (_what, more) => {
  const { status, body } = await ask('operator', await api.newCluster(), more);
  expect([status, body.error?.code]).toEqual([400, 'InvalidRequest']);
});

test('is refused for a cluster that is not there, for a secondary datacenter, and while another of the same person is unfinished', async () => {
  const cluster = await api.newCluster();
  expect((await ask('operator', { ...cluster, id: randomUUID() })).body.error?.code).toBe('ResourceNotFound');
  expect((await ask('operator', cluster)).status).toBe(200);
  expect((await ask('operator', cluster)).body.error).toMatchObject({
    code: 'Conflict',
    message: expect.stringContaining('Revoke'),
  });
  expect((await ask('lead', cluster)).status).toBe(200);
  const { value } = breakGlassListSchema.parse(
    (await api.call(api.tokens.viewer, 'GET', `/admin/break-glass?clusterId=${cluster.id}`)).body,
  );
  expect(value.map(({ requestedBy }) => requestedBy)).toEqual([api.objectIds.lead, api.objectIds.operator]);

  const secondary = await api.newCluster();
  const member = { clusterId: secondary.id, primaryClusterId: cluster.id, datacenter: 'dc2' };
  await api.database.prisma.federationMember.createMany({
    data: [{ ...member, clusterId: cluster.id, datacenter: 'dc1' }, member],
  });
  expect((await ask('operator', secondary)).body.error).toMatchObject({
    code: 'Conflict',
    message: expect.stringContaining(cluster.id),
  });
});
