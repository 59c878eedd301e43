import { randomUUID } from 'node:crypto';
import { hours, minutes } from '@managed-consul/config';
import { openDatabase, type Transaction } from '@managed-consul/database';
import { createTestDatabase, FakeClock, seedCatalogue, type TestDatabase } from '@managed-consul/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { carryOut, type Change } from '../change';
import { planFreeze, planLift } from '../freezes/freeze-care';
import { beginDueMaintenance, planMaintenanceSchedule } from '../maintenance-schedules/maintenance-schedule-care';
import { buildFleet, type TestFleet } from './fleet.builder';
import {
  planAbortOfRollout,
  planPauseOfRollout,
  planResumeOfRollout,
  planRollout,
  type ResumeWish,
  type RolloutWish,
} from './rollout-care';

/** A Sunday, half past three. */
const NOW = new Date('2026-11-22T03:30:00Z');
const GROUNDS = { reason: 'It closes a hole in the mesh.', ticket: 'OPS-7' };

let place: TestDatabase;
let fleet: TestFleet;
let clock: FakeClock;

beforeEach(async () => {
  place = await createTestDatabase();
  const database = openDatabase({ url: place.url, maxConnections: 4 });
  await seedCatalogue(database);
  clock = new FakeClock(NOW);
  fleet = await buildFleet(database, clock);
});

afterEach(async () => {
  await fleet.database.close();
  await place.drop();
});

const UPGRADE: RolloutWish = {
  ...{ task: 'Upgrade', consulVersion: '1.8.9', selection: { regions: ['westeurope'] } },
  ...{ concurrency: 50, toleratedPercent: 0, soakSeconds: 0 },
};

const carryOutPlan = (plan: (tx: Transaction) => Promise<Change>) =>
  fleet.database.prisma.$transaction(async (tx) => carryOut(tx, fleet.operator, GROUNDS, await plan(tx), { dryRun: false }));

async function begin(wish: Partial<RolloutWish> = {}): Promise<string> {
  const grounds = { requester: fleet.operator, ...GROUNDS };
  const { after } = await carryOutPlan((tx) => planRollout(tx, { ...UPGRADE, ...wish }, grounds, clock));
  return after.id as string;
}

const rollout = (id: string) => fleet.database.prisma.rollout.findUniqueOrThrow({ where: { id } });

async function statesOf(id: string): Promise<Record<string, number>> {
  const turns = await fleet.database.prisma.rolloutCluster.findMany({ where: { rolloutId: id } });
  return Object.fromEntries(Object.entries(Object.groupBy(turns, ({ state }) => state)).map(([state, of]) => [state, of.length]));
}

const resume = (id: string, wish: ResumeWish) => carryOutPlan((tx) => planResumeOfRollout(tx, id, wish, clock));

test('waves follow one another: a tenth first, the next when all of the one before are through', async () => {
  await fleet.addClusters(30);
  const id = await begin();
  for (const size of [3, 9, 18]) {
    expect(await fleet.advance()).toHaveLength(size);
    expect(await fleet.advance()).toEqual([]);
    await fleet.end();
  }
  expect(await fleet.advance()).toEqual([]);
  expect(await rollout(id)).toMatchObject({ state: 'Succeeded', wave: 3 });
  expect(await statesOf(id)).toEqual({ Succeeded: 30 });
});

test('no more clusters than said are worked on at the same time', async () => {
  await fleet.addClusters(30);
  await begin({ concurrency: 2 });
  expect(await fleet.advance()).toHaveLength(2);
  await fleet.end();
  expect(await fleet.advance()).toHaveLength(1);
});

test('a failure stops it, the rest is untouched; with a good version it goes on where it failed and completes', async () => {
  await fleet.addClusters(20);
  const id = await begin();
  const first = await fleet.advance();
  await fleet.end(first);
  expect(await fleet.advance()).toEqual([]);
  const { state, pauseReason } = await rollout(id);
  expect([state, pauseReason]).toEqual([
    'Paused',
    'It failed at 2 of 2 clusters of wave 1; 0 % are tolerated. A server did not come back.',
  ]);
  expect(await statesOf(id)).toEqual({ Failed: 2, Waiting: 18 });

  await resume(id, { failed: 'retry', consulVersion: '1.8.10' });
  for (const size of [2, 6, 12]) {
    expect(await fleet.advance()).toHaveLength(size);
    await fleet.end();
  }
  await fleet.advance();
  expect(await statesOf(id)).toEqual({ Succeeded: 20 });
  const versions = await fleet.database.prisma.cluster.groupBy({ by: ['consulVersion'] });
  expect(versions.map(({ consulVersion }) => consulVersion)).toEqual(['1.8.10']);
});

test('failures that an operator accepts, or that are tolerated, stop it no more', async () => {
  await fleet.addClusters(20);
  const id = await begin();
  await fleet.end((await fleet.advance()).slice(0, 1));
  await fleet.advance();
  await resume(id, { failed: 'accept' });
  expect(await fleet.advance()).toHaveLength(6);
  await fleet.end();
  await fleet.database.prisma.rollout.update({ where: { id }, data: { toleratedPercent: 10 } });
  await fleet.end((await fleet.advance()).slice(0, 1));
  await fleet.advance();
  expect(await rollout(id)).toMatchObject({ state: 'Succeeded' });
  expect(await statesOf(id)).toEqual({ Failed: 2, Succeeded: 18 });
});

test('a cluster that was changed and cannot be used afterwards stops it while the wave is watched', async () => {
  await fleet.addClusters(20);
  const id = await begin({ soakSeconds: 600 });
  const [sick] = await fleet.advance();
  await fleet.end();
  expect(await fleet.advance()).toEqual([]);
  expect(await rollout(id)).toMatchObject({ state: 'Running', wave: 1 });
  const conditions = [
    { type: 'Available', status: 'False', reason: 'NoLeader', message: 'No.', lastTransitionAt: NOW.toISOString() },
  ];
  await fleet.database.prisma.cluster.update({ where: { id: sick! }, data: { conditions, observedAt: clock.now() } });
  clock.advance(minutes(1));
  expect(await fleet.advance()).toEqual([]);
  expect(await rollout(id)).toMatchObject({ state: 'Paused', wave: 1 });

  await fleet.database.prisma.cluster.update({ where: { id: sick! }, data: { conditions: [] } });
  await resume(id, { failed: 'accept' });
  expect(await fleet.advance()).toEqual([]);
  clock.advance(minutes(10));
  expect(await fleet.advance()).toHaveLength(6);
});

test('windows, blackout dates and deferrals of customers hold, and those who upgrade by hand are left out', async () => {
  const [open] = await fleet.addClusters(1, { maintenanceWindow: { weekday: 'Sunday', hour: 3 } });
  const [later] = await fleet.addClusters(1, { maintenanceWindow: { weekday: 'Sunday', hour: 5 } });
  const [blackout] = await fleet.addClusters(1, { blackoutDates: ['2026-11-22'] });
  const [deferred] = await fleet.addClusters(1, { upgradeDeferredUntil: new Date('2026-11-24T00:00:00Z') });
  const [manual] = await fleet.addClusters(1, { upgradePolicy: 'Manual' });
  const id = await begin({ toleratedPercent: 100 });
  // Whatever the order of turns: all of them are in one wave.
  await fleet.database.prisma.rolloutCluster.updateMany({ where: { rolloutId: id }, data: { wave: 1 } });
  const begunAt = new Map<string, string>();
  for (; (await rollout(id)).state === 'Running' && clock.now() < new Date('2026-11-30'); clock.advance(minutes(15))) {
    for (const clusterId of await fleet.advance()) begunAt.set(clusterId, clock.now().toISOString());
    await fleet.end();
  }
  expect(begunAt.get(open!)).toBe('2026-11-22T03:30:00.000Z');
  expect(begunAt.get(later!)! >= '2026-11-22T05:00' && begunAt.get(later!)! < '2026-11-22T06:00').toBe(true);
  expect(begunAt.get(blackout!)!.slice(0, 13)).toBe('2026-11-23T00');
  expect(begunAt.get(deferred!)!.slice(0, 13)).toBe('2026-11-24T00');
  expect(begunAt.has(manual!)).toBe(false);
  const skipped = await fleet.database.prisma.rolloutCluster.findMany({ where: { rolloutId: id, state: 'Skipped' } });
  expect(skipped).toMatchObject([{ clusterId: manual, message: 'Its customer upgrades it by hand.' }]);
});

test('a freeze holds until it is lifted; a busy cluster is waited for, a broken one left out', async () => {
  const { database, operator } = fleet;
  const [busy, broken] = await fleet.addClusters(2);
  await database.prisma.cluster.update({
    where: { id: broken! },
    data: { provisioningState: 'Failed', failureMessage: 'No disk.' },
  });
  const other = { clusterId: busy!, subject: `cluster/${busy}`, kind: 'create-snapshot', requestedBy: 'customer' };
  const snapshot = await database.prisma.operation.create({ data: other });
  const until = new Date(NOW.getTime() + hours(5));
  const { after } = await carryOutPlan((tx) =>
    planFreeze(tx, { scope: 'Region', value: 'westeurope', until }, { requester: operator, ...GROUNDS }, clock),
  );
  const id = await begin();
  expect(await fleet.advance()).toEqual([]);
  const turns = await database.prisma.rolloutCluster.findMany({ where: { rolloutId: id } });
  expect(turns.every(({ message }) => message?.startsWith('Frozen until'))).toBe(true);

  await carryOutPlan((tx) => planLift(tx, after.id as string, clock));
  clock.advance(minutes(5));
  expect(await fleet.advance()).toEqual([]);
  expect(await statesOf(id)).toEqual({ Waiting: 1, Skipped: 1 });
  await database.prisma.operation.update({ where: { id: snapshot.id }, data: { state: 'Succeeded' } });
  clock.advance(minutes(1));
  expect(await fleet.advance()).toEqual([busy]);
});

test('what a rollout does to a cluster is in its history and its audit record, in the words of the operator', async () => {
  const [clusterId] = await fleet.addClusters(1);
  const id = await begin();
  await fleet.advance();
  const { prisma } = fleet.database;
  const [event] = await prisma.clusterEvent.findMany({ where: { clusterId: clusterId! } });
  expect(event?.message).toBe(`The service upgrades Consul from 1.8.7 to 1.8.9: ${GROUNDS.reason}`);
  const audit = await prisma.auditEvent.findMany({ where: { clusterId: clusterId! } });
  expect(audit).toMatchObject([
    { action: 'upgrade-cluster', actorKind: 'Operator', actorId: fleet.operator.objectId, ...GROUNDS },
  ]);
  expect(audit[0]?.detail).toMatchObject({ rollout: id, hops: ['1.8.9'] });
});

test('a paused rollout begins nothing; an aborted one ends what it began and touches no other', async () => {
  await fleet.addClusters(20);
  const id = await begin();
  await fleet.advance();
  await carryOutPlan((tx) => planPauseOfRollout(tx, id, 'On-call asked for it.'));
  await fleet.end();
  expect(await fleet.advance()).toEqual([]);
  expect(await statesOf(id)).toEqual({ Succeeded: 2, Waiting: 18 });
  await resume(id, { failed: 'accept' });
  expect(await fleet.advance()).toHaveLength(6);
  await carryOutPlan((tx) => planAbortOfRollout(tx, id, clock));
  await fleet.end();
  expect(await fleet.advance()).toEqual([]);
  expect(await statesOf(id)).toEqual({ Succeeded: 8, Skipped: 12 });
  expect(await rollout(id)).toMatchObject({ state: 'Aborted' });
});

test('workers that look at the same moment begin each turn once', async () => {
  await fleet.addClusters(20);
  await begin();
  const begun = await Promise.all([fleet.advance(), fleet.advance(), fleet.advance()]);
  expect(begun.flat()).toHaveLength(2);
  expect(await fleet.database.prisma.operation.count()).toBe(2);
});

test('a maintenance schedule begins a rollout at its moments, and none while the last one goes on', async () => {
  const { database, operator } = fleet;
  await fleet.addClusters(2);
  const wish = {
    ...{ name: 'certificates', task: 'ServerCertificates' as const, selection: UPGRADE.selection, everyWeeks: 2 },
    ...{ moment: { weekday: 'Monday' as const, hour: 1 }, concurrency: 5, toleratedPercent: 0, soakSeconds: 0 },
  };
  const plan = await carryOutPlan((tx) => planMaintenanceSchedule(tx, wish, { requester: operator, ...GROUNDS }, clock));
  expect(plan.after).toMatchObject({ nextAt: '2026-11-23T01:00:00.000Z', clusters: 2 });
  expect(await beginDueMaintenance(database, clock)).toBe(false);
  const beginnings: string[] = [];
  for (const [day, ends] of [
    ['2026-11-23', false],
    ['2026-11-30', false],
    ['2026-12-07', true],
    ['2026-12-21', true],
  ] as const) {
    clock.advanceTo(`${day}T01:00:00Z`);
    const before = await database.prisma.rollout.count();
    await beginDueMaintenance(database, clock);
    if ((await database.prisma.rollout.count()) > before) beginnings.push(day);
    if (!ends) continue;
    await fleet.advance();
    await fleet.end();
    await fleet.advance();
  }
  expect(beginnings).toEqual(['2026-11-23', '2026-12-21']);
  expect(await database.prisma.operation.groupBy({ by: ['kind'] })).toMatchObject([{ kind: 'rotate-server-certificates' }]);
});

const REFUSED = [
  ['a version that nobody knows', { consulVersion: '9.9.9' }, 'There is no Consul version 9.9.9 in the catalogue.'],
  ['no list at all', { selection: {} }, 'Say which clusters: give at least one of the lists, e.g. regions.'],
  ['a selection that finds nothing', { selection: { regions: ['mars'] } }, 'No cluster is selected that this would change.'],
  ['a cluster that is not there', { selection: { clusterIds: [randomUUID()] } }, /^There is no living cluster/],
  ['a rotation to a version', { task: 'GossipKey' }, 'Give a consulVersion with Upgrade, and with nothing else.'],
  ['the version that all run', { consulVersion: '1.8.7' }, 'No cluster is selected that this would change.'],
] satisfies [string, Partial<RolloutWish>, string | RegExp][];

test('what cannot be rolled out is refused in a sentence', async () => {
  await fleet.addClusters(1);
  for (const [what, wish, message] of REFUSED) {
    const refusal = { code: 'InvalidRequest', message: expect.stringMatching(message) as string };
    await expect(begin(wish), what).rejects.toMatchObject(refusal);
  }
});
