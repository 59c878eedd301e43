import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  freezeListSchema,
  maintenanceScheduleListSchema,
  rolloutClusterListSchema,
  rolloutListSchema,
  rolloutSchema,
} from '@managed-consul/api-contract';
import { hours } from '@managed-consul/config';
import { startAdminApi, type AdminApiUnderTest } from '../testing/admin-api-under-test';

let api: AdminApiUnderTest;
beforeAll(async () => {
  api = await startAdminApi();
});
afterAll(() => api.stop());

const WHY = { reason: 'The certificates were seen elsewhere.', ticket: 'SEC-12' };

async function read(path: string): Promise<unknown> {
  const { status, body } = await api.call(api.tokens.viewer, 'GET', path);
  expect([path, body.error, status]).toEqual([path, undefined, 200]);
  return body;
}

async function write(path: string, body: object = {}, headers: Record<string, string> = {}) {
  return api.call(api.tokens.lead, 'POST', path, { body: { ...WHY, ...body }, headers });
}

/** Clusters of a region of their own. */
async function newRegion(count: number): Promise<string> {
  const name = `region-${randomUUID().slice(0, 8)}`;
  for (let made = 0; made < count; made += 1)
    await api.newCluster({ region: name, name: `member-${made}`, observedConsulVersion: '1.8.7' });
  return name;
}

test('one cluster is told of as one', async () => {
  const wish = { task: 'GossipKey', selection: { regions: [await newRegion(1)] } };
  const { body } = await write('/admin/rollouts?dryRun=true', wish);
  expect(body.summary).toBe('1 cluster gets a rotation of GossipKey, in one wave.');
});

test('a dry run shows the waves that the rollout then has, and a repetition begins no second one', async () => {
  const region = await newRegion(5);
  const wish = { task: 'ServerCertificates', selection: { regions: [region] } };
  const dry = await write('/admin/rollouts?dryRun=true', wish);
  expect([dry.status, dry.body]).toMatchObject([200, { dryRun: true, after: { clusters: 5, waves: [2, 3] } }]);
  expect(dry.body.summary).toBe('5 clusters get a rotation of ServerCertificates, in waves of 2, 3.');
  expect(dry.body.after).not.toHaveProperty('id');
  const inRegion = async () => {
    const { value } = rolloutListSchema.parse(await read('/admin/rollouts'));
    return value.filter(({ selection }) => JSON.stringify(selection).includes(region));
  };
  expect(await inRegion()).toEqual([]);

  const key = { 'idempotency-key': randomUUID() };
  const [begun, again] = [await write('/admin/rollouts', wish, key), await write('/admin/rollouts', wish, key)];
  expect([begun.status, again.body]).toEqual([200, begun.body]);
  const after = begun.body.after as { id: string; firstWave: { id: string }[] };
  expect(after.firstWave).toEqual((dry.body.after as typeof after).firstWave);
  expect(await inRegion()).toMatchObject([{ id: after.id, state: 'Running', wave: 1, waves: 2, clusters: { Waiting: 5 } }]);

  const path = `/admin/rollouts/${after.id}/clusters?pageSize=3`;
  const first = rolloutClusterListSchema.parse(await read(path));
  const rest = rolloutClusterListSchema.parse(await read(`${path}&pageToken=${first.nextPageToken ?? ''}`));
  const turns = [...first.value, ...rest.value];
  expect(turns.map(({ wave }) => wave)).toEqual([1, 1, 2, 2, 2]);
  expect(turns.slice(0, 2).map(({ clusterId }) => clusterId)).toEqual(after.firstWave.map(({ id }) => id));
  const audit = await api.database.prisma.auditEvent.findMany({ where: { action: 'begin-rollout' } });
  expect(audit.filter(({ detail }) => JSON.stringify(detail).includes(after.id))).toMatchObject([
    { ...WHY, actorKind: 'Operator' },
  ]);
});

test('it is paused, goes on and is aborted, each only from where that is possible', async () => {
  const region = await newRegion(2);
  const { body } = await write('/admin/rollouts', { task: 'GossipKey', selection: { regions: [region] } });
  const path = `/admin/rollouts/${(body.after as { id: string }).id}`;
  expect(await write(`${path}/resume`, { failed: 'accept' })).toMatchObject({
    status: 409,
    body: { error: { code: 'Conflict' } },
  });
  expect(await write(`${path}/pause`)).toMatchObject({ status: 200 });
  expect(rolloutSchema.parse(await read(path))).toMatchObject({ state: 'Paused', pauseReason: WHY.reason });
  const upgrade = { failed: 'retry', consulVersion: '1.8.7' };
  expect(await write(`${path}/resume`, upgrade)).toMatchObject({ status: 400, body: { error: { code: 'InvalidRequest' } } });
  expect(await write(`${path}/resume`, { failed: 'retry' })).toMatchObject({ status: 200 });
  expect(await write(`${path}/abort`)).toMatchObject({ status: 200, body: { after: { untouched: 2 } } });
  expect(rolloutSchema.parse(await read(path))).toMatchObject({ state: 'Aborted', clusters: { Skipped: 2, Waiting: 0 } });
  expect(await write(`${path}/abort`)).toMatchObject({ status: 409 });
  expect(await write(`/admin/rollouts/${randomUUID()}/pause`)).toMatchObject({ status: 404 });
});

test('a freeze is listed while it holds, and refused without an end in sight', async () => {
  const region = await newRegion(1);
  const until = new Date(Date.now() + hours(3)).toISOString();
  const { body } = await write('/admin/freezes', { scope: 'Region', value: region, until });
  const { id } = body.after as { id: string };
  const held = async () => freezeListSchema.parse(await read('/admin/freezes')).value.filter((freeze) => freeze.id === id);
  expect(await held()).toMatchObject([{ scope: 'Region', value: region, until, ...WHY }]);
  expect(await write(`/admin/freezes/${id}/lift`)).toMatchObject({ status: 200 });
  expect(await held()).toEqual([]);
  expect(await write(`/admin/freezes/${id}/lift`)).toMatchObject({ status: 409 });
  for (const wish of [
    { scope: 'All', until: new Date(Date.now() + 31 * hours(24)).toISOString() },
    { scope: 'All', until: '2020-01-01T00:00:00Z' },
    { scope: 'Region', until },
    { scope: 'Region', value: 'mars', until },
  ])
    expect(await write('/admin/freezes', wish)).toMatchObject({ status: 400, body: { error: { code: 'InvalidRequest' } } });
});

test('a maintenance schedule is listed until it is ended; an upgrade cannot be one, nor a name twice', async () => {
  const region = await newRegion(1);
  const wish = {
    ...{ name: region, task: 'AgentTokens', selection: { regions: [region] }, everyWeeks: 4 },
    moment: { weekday: 'Tuesday', hour: 2 },
  };
  const { status, body } = await write('/admin/maintenance-schedules', wish);
  expect([status, body]).toMatchObject([200, { after: { clusters: 1, waves: [1] } }]);
  const listed = async () => {
    const { value } = maintenanceScheduleListSchema.parse(await read('/admin/maintenance-schedules'));
    return value.filter(({ name }) => name === region);
  };
  const [schedule] = await listed();
  expect(schedule).toMatchObject({ task: 'AgentTokens', everyWeeks: 4, moment: wish.moment });
  expect(new Date(schedule!.nextAt).getUTCDay()).toBe(2);
  expect(await write('/admin/maintenance-schedules', wish)).toMatchObject({ status: 409 });
  const upgrade = { ...wish, name: `${region}-u`, task: 'Upgrade' };
  expect(await write('/admin/maintenance-schedules', upgrade)).toMatchObject({ status: 400 });
  expect(await write(`/admin/maintenance-schedules/${schedule!.id}/end`)).toMatchObject({ status: 200 });
  expect(await listed()).toEqual([]);
});
