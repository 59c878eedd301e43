import { setTimeout as delay } from 'node:timers/promises';
import { minutes, type Clock } from '@managed-consul/config';
import { registerConsulArtifact } from '@managed-consul/consul-versions';
import { carryOut, planResumeOfRollout, planRollout, type Change } from '@managed-consul/fleet';
import type { Rollout, Transaction } from '@managed-consul/database';
import { RolloutDriver } from '@managed-consul/schedules';
import { driveToEnd, NotedBell } from '@managed-consul/testing';
import { WorkflowRunner } from '@managed-consul/workflow-engine';
import { createWorkflowHost, type Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { azureUrl } from '../../infra/local/components';
import { SAMPLE_REGION } from '../../infra/local/emulator-seed';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

/** Small by itself. Two hundred clusters take 200 processes and about 8 GB (docs/operations/rollouts.md). */
const CLUSTERS = Number(process.env['ROLLOUT_CLUSTERS'] ?? '12');
const AT_ONCE = 6;

const [OLD, BAD, GOOD] = ['1.8.7', '1.8.9', '1.8.10'];
/** A Sunday. Of the future, so that everything that exists is older. */
const SUNDAY = '2034-01-01';
const START = new Date(`${SUNDAY}T01:30:00Z`);

/** Real time, moved ahead. */
class ClockAhead implements Clock {
  #ahead = 0;
  now = (): Date => new Date(Date.now() + this.#ahead);

  advance(by: number): void {
    this.#ahead += by;
  }

  advanceTo(moment: Date): void {
    this.advance(moment.getTime() - this.now().getTime());
  }
}

let world: WorkflowWorld;
const clock = new ClockAhead();

beforeAll(async () => {
  world = await openWorkflowWorld({ simulation: { refusedVersions: [BAD] } });
  clock.advanceTo(START);
  await raiseQuota();
  for (const version of [BAD, GOOD]) {
    const offered = { version, status: 'AVAILABLE', licence: 'MPL-2.0' } as const;
    await world.database.prisma.consulVersion.upsert({ where: { version }, create: offered, update: {} });
    const sha256 = version.replaceAll('.', '').padStart(64, '0');
    await registerConsulArtifact(world.database, { version, platform: 'linux-amd64', sha256, sizeBytes: 1 });
  }
});
afterAll(() => world.stop());

/** Azure grants a subscription fewer cores than the largest run takes. */
async function raiseQuota(): Promise<void> {
  const { subscriptionId } = world.world.identities.customer;
  const body = JSON.stringify({ subscriptionId, location: SAMPLE_REGION, cores: CLUSTERS * 2 });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${azureUrl(world.world)}/_emulator/quota`, { method: 'PUT', headers, body });
  if (!answer.ok) throw new Error(`The quota stays: ${await answer.text()}`);
}

async function createClusters(): Promise<string[]> {
  const { database, dependencies, log } = world;
  const host = createWorkflowHost(dependencies, { clock, log });
  const time = { ...world.time, clock };
  const ids: string[] = [];
  let asked = 0;
  const lane = async (): Promise<void> => {
    while (asked < CLUSTERS) {
      asked += 1;
      const { clusterId, operationId } = await world.requestCluster(1);
      expect(await driveToEnd({ database, host, time, log }, operationId)).toMatchObject({ state: 'Succeeded' });
      ids.push(clusterId);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  await world.database.prisma.cluster.updateMany({ data: { upgradePolicy: 'Automatic' } });
  return ids;
}

const OPERATOR = { reason: 'It closes a hole in the mesh.', ticket: 'OPS-200' };

async function byOperator(plan: (tx: Transaction) => Promise<Change>): Promise<Change['after']> {
  const run = (tx: Transaction) => plan(tx).then((change) => carryOut(tx, world.requester, OPERATOR, change, { dryRun: false }));
  return (await world.database.prisma.$transaction(run)).after;
}

const readRollout = (id: string): Promise<Rollout> => world.database.prisma.rollout.findUniqueOrThrow({ where: { id } });
const readTurns = (rolloutId: string) =>
  world.database.prisma.rolloutCluster.findMany({ where: { rolloutId }, orderBy: { position: 'asc' } });
type Turn = Awaited<ReturnType<typeof readTurns>>[number];

/** Carries the rollout and what it asks for on, as workers do; where it waits for a window, time goes by. */
async function carryOn(id: string): Promise<Rollout> {
  const { database, dependencies, log } = world;
  const { prisma } = database;
  const host = createWorkflowHost(dependencies, { clock, log });
  const bell = new NotedBell();
  const driver = new RolloutDriver({ database, bell, log, clock });
  const runner = new WorkflowRunner<Services>({ database, host, bell, log, name: 'rollout', clock });
  for (;;) {
    await driver.look();
    const open = await prisma.operation.findMany({
      where: { state: { in: ['Pending', 'Running'] } },
      orderBy: { wakeAt: 'asc' },
    });
    const rollout = await readRollout(id);
    if (open.length === 0 && rollout.state !== 'Running') return rollout;
    if (open.length === 0) clock.advance(minutes(5));
    const due = open.filter(({ wakeAt }) => wakeAt !== null && wakeAt <= clock.now());
    await Promise.all(due.map((operation) => runner.run(operation.id)));
    const next = open[0]?.wakeAt;
    if (due.length === 0 && next) await delay(next.getTime() - clock.now().getTime());
  }
}

async function versionsThatRun(): Promise<Map<string, string | undefined>> {
  const servers = await world.database.prisma.server.findMany();
  const asked = servers.map(async ({ clusterId, vmId }) => {
    const agent = await world.dependencies.agents.find(clusterId, vmId);
    return [clusterId, (await agent.state()).consul.version] as const;
  });
  return new Map(await Promise.all(asked));
}

/** What its customer reads of a cluster since the rollout began, the oldest first. */
const readHistory = (since: bigint) =>
  world.database.prisma.clusterEvent.findMany({ where: { id: { gt: since } }, orderBy: { id: 'asc' } });

const upgradesOf = (clusterId: string) =>
  world.database.prisma.operation.findMany({ where: { clusterId, kind: 'upgrade-cluster' }, orderBy: { createdAt: 'asc' } });

it(
  'a bad version stops after the first wave; a good one goes to all, wave after wave, when their customers let it',
  { timeout: minutes(60) },
  async () => {
    const clusterIds = await createClusters();
    const { prisma } = world.database;
    const wish = {
      ...({ task: 'Upgrade', consulVersion: BAD, selection: { clusterIds }, concurrency: AT_ONCE } as const),
      ...{ toleratedPercent: 0, soakSeconds: 60 },
    };
    const begun = await prisma.clusterEvent.aggregate({ _max: { id: true } });
    const { id } = await byOperator((tx) => planRollout(tx, wish, { requester: world.requester, ...OPERATOR }, clock));
    const rolloutId = id as string;
    const turns = await readTurns(rolloutId);
    const firstWave = turns.filter(({ wave }) => wave === 1);
    const [windowed, blackedOut, deferred, byHand] = turns.filter(({ wave }) => wave > 1) as [Turn, Turn, Turn, Turn];
    const set = (turn: Turn, data: object) => prisma.cluster.update({ where: { id: turn.clusterId }, data });
    await set(windowed, { maintenanceWindow: { weekday: 'Sunday', hour: 3 } });
    await set(blackedOut, { blackoutDates: [SUNDAY] });
    await set(deferred, { upgradeDeferredUntil: new Date(`${SUNDAY}T05:00:00Z`) });
    await set(byHand, { upgradePolicy: 'Manual' });

    const stopped = await carryOn(rolloutId);
    expect(stopped).toMatchObject({ state: 'Paused', wave: 1 });
    // Of a wave that is larger than what goes on at once, the rest is spared as well.
    const reached = new Set(firstWave.slice(0, AT_ONCE).map(({ clusterId }) => clusterId));
    expect(stopped.pauseReason).toMatch(new RegExp(`^It failed at \\d+ of ${firstWave.length} clusters of wave 1;`));
    for (const clusterId of reached)
      expect(await upgradesOf(clusterId)).toMatchObject([{ state: 'Failed', errorCode: 'ServerNotStarted' }]);
    for (const turn of await readTurns(rolloutId))
      expect(turn).toMatchObject(
        reached.has(turn.clusterId) ? { state: 'Failed', attempts: 1 } : { state: 'Waiting', attempts: 0 },
      );
    const touched = new Set((await readHistory(begun._max.id ?? 0n)).map(({ clusterId }) => clusterId));
    expect(touched).toEqual(reached);
    expect(new Set((await versionsThatRun()).values()), 'also those at which it failed run what they ran').toEqual(
      new Set([OLD]),
    );

    await byOperator((tx) => planResumeOfRollout(tx, rolloutId, { failed: 'retry', consulVersion: GOOD }, clock));
    const resumed = await prisma.clusterEvent.aggregate({ _max: { id: true } });
    expect(await carryOn(rolloutId)).toMatchObject({ state: 'Succeeded', pauseReason: null });
    const ended = await readTurns(rolloutId);
    for (const turn of ended)
      expect(turn.state, turn.message ?? '').toBe(turn.clusterId === byHand.clusterId ? 'Skipped' : 'Succeeded');
    for (const [clusterId, version] of await versionsThatRun()) expect(version).toBe(clusterId === byHand.clusterId ? OLD : GOOD);

    const history = await readHistory(resumed._max.id ?? 0n);
    const waveOf = new Map(turns.map(({ clusterId, wave }) => [clusterId, wave]));
    const waves = history.map(({ clusterId }) => waveOf.get(clusterId) ?? 0);
    expect(waves, 'no wave begins before the one before it has ended').toEqual([...waves].sort((one, other) => one - other));
    expect(new Set(waves).size).toBe(stopped.waves);
    expect(history.some(({ clusterId }) => clusterId === byHand.clusterId)).toBe(false);

    const spans: { from: number; to: number; position: number; wave: number }[] = [];
    for (const { clusterId, position, wave } of ended) {
      const upgrade = (await upgradesOf(clusterId)).at(-1);
      if (!upgrade) continue;
      spans.push({ from: upgrade.createdAt.getTime(), to: upgrade.finishedAt?.getTime() ?? 0, position, wave });
      if (clusterId === windowed.clusterId)
        expect([upgrade.createdAt.getUTCDay(), upgrade.createdAt.getUTCHours()]).toEqual([0, 3]);
      if (clusterId === blackedOut.clusterId) expect(upgrade.createdAt.toISOString().slice(0, 10)).not.toBe(SUNDAY);
      if (clusterId === deferred.clusterId) expect(upgrade.createdAt.toISOString() >= `${SUNDAY}T05:00`).toBe(true);
    }
    for (const { from } of spans)
      expect(spans.filter((other) => other.from <= from && from < other.to).length).toBeLessThanOrEqual(AT_ONCE);
    const held = [windowed, blackedOut, deferred].map(({ position }) => position);
    const free = spans.filter(({ position }) => !held.includes(position)).sort((one, other) => one.position - other.position);
    const begins = free.map(({ from }) => from);
    expect(begins, 'turns come in the order that was drawn').toEqual([...begins].sort((one, other) => one - other));
    const told = new Set(history.filter(({ type }) => type === 'ServerUpgraded').map(({ clusterId }) => clusterId));
    expect(told.size, 'every customer can read of it').toBe(clusterIds.length - 1);
    const took = (clock.now().getTime() - START.getTime()) / 3_600_000;
    console.log(`rollout: ${clusterIds.length} clusters, ${stopped.waves} waves, ${took.toFixed(1)} h by the clock`);
  },
);
