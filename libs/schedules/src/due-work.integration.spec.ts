import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { removeSchedules, SCHEDULE_KINDS, setSchedule, spreadOver, startSchedules } from '@managed-consul/clusters';
import { hours, minutes, seconds } from '@managed-consul/config';
import { createLogger } from '@managed-consul/observability';
import { until, WorkflowBench } from '@managed-consul/testing';
import { DueWork, type DueWorkOptions, type Schedule } from './index';

const log = createLogger({ app: 'tests', level: 'silent' });

let bench: WorkflowBench;
beforeAll(async () => {
  bench = await WorkflowBench.open();
});
afterAll(() => bench.close());
beforeEach(async () => {
  await bench.database.prisma.clusterSchedule.deleteMany();
});

const later = (by: number) => new Date(bench.clock.now().getTime() + by);
const plan = (clusterId: string, dueAt: Date, kind: Schedule['kind'] = 'observe') =>
  bench.database.prisma.$transaction((tx) => setSchedule(tx, clusterId, kind, dueAt));
const rowOf = (clusterId: string) => bench.database.prisma.clusterSchedule.findFirst({ where: { clusterId, kind: 'observe' } });
const dueAtOf = async (clusterId: string) => (await rowOf(clusterId))?.dueAt;
const lookAtOf = async (clusterId: string) => (await rowOf(clusterId))?.lookAt;

function dueWork(run: Schedule['run'], more: Partial<DueWorkOptions> = {}) {
  const { database, clock } = bench;
  return new DueWork({ database, clock, log, every: seconds(1), schedules: [{ kind: 'observe', run }], ...more });
}

async function planMany(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID());
  for (const id of ids) await plan(id, bench.clock.now());
  return ids;
}

describe('what is due', () => {
  it('is looked at once, with its time, and again at the time that the look gives', async () => {
    const [id = ''] = await planMany(1);
    await plan(randomUUID(), later(1));
    await plan(randomUUID(), bench.clock.now(), 'snapshot');
    const seen: [string, Date][] = [];
    const work = dueWork(async (clusterId, { dueAt }) => {
      seen.push([clusterId, dueAt]);
      return later(minutes(5));
    });
    await work.runDue();
    await work.runDue();
    expect(seen).toEqual([[id, bench.clock.now()]]);
    expect(await dueAtOf(id)).toEqual(later(minutes(5)));
  });

  it('is looked at by one of many workers, however many there are', async () => {
    const ids = await planMany(40);
    const seen: string[] = [];
    const works = Array.from({ length: 4 }, () =>
      dueWork(
        async (clusterId) => {
          seen.push(clusterId);
          return later(hours(1));
        },
        { concurrency: 3 },
      ),
    );
    await Promise.all(works.map((work) => work.runDue()));
    expect(seen.sort()).toEqual(ids.sort());
  });

  it('is tried again a little later when the look fails or has to wait, due since the first time, and the others go on', async () => {
    const [bad = '', blocked = '', good = ''] = await planMany(3);
    const since = bench.clock.now();
    const seen: Date[] = [];
    const work = dueWork(async (clusterId, { dueAt }) => {
      if (clusterId === bad) throw new Error('This one cannot be looked at.');
      if (clusterId === blocked && seen.push(dueAt) === 1) return { lookAgainAt: later(minutes(3)) };
      return later(hours(1));
    });
    await work.runDue();
    expect(await rowOf(bad)).toMatchObject({ dueAt: since, lookAt: later(minutes(1)) });
    expect(await rowOf(blocked)).toMatchObject({ dueAt: since, lookAt: later(minutes(3)) });
    expect(await rowOf(good)).toMatchObject({ dueAt: later(hours(1)), lookAt: later(hours(1)) });
    bench.clock.advance(minutes(3));
    await work.runDue();
    expect(seen).toEqual([since, since]);
    expect(await rowOf(blocked)).toMatchObject({ dueAt: later(hours(1)), lookAt: later(hours(1)) });
  });

  it('waits for none of another kind: clusters that answer slowly when observed hold up no snapshot', async () => {
    const slow = await planMany(5);
    const id = randomUUID();
    await plan(id, later(-1), 'snapshot');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const seen: string[] = [];
    const observe: Schedule = { kind: 'observe', places: 2, run: () => held.then(() => undefined) };
    const snapshot: Schedule = { kind: 'snapshot', run: async (clusterId) => void seen.push(clusterId) };
    const work = dueWork(() => held.then(() => undefined), { schedules: [observe, snapshot], concurrency: 1 });
    const done = work.runDue();
    await until(() => seen.length === 1, { within: seconds(20) });
    expect(seen).toEqual([id]);
    const lookAts = await Promise.all(slow.map((one) => lookAtOf(one)));
    expect(lookAts.filter((at) => at?.getTime() === bench.clock.now().getTime())).toHaveLength(3);
    release();
    await done;
    expect(await Promise.all(slow.map((one) => rowOf(one)))).toEqual(slow.map(() => null));
  });

  it('comes back when the worker that took it is gone', async () => {
    const [id = ''] = await planMany(1);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const dying = dueWork(async () => {
      await held;
      return later(hours(1));
    }).runDue();
    await until(async () => (await lookAtOf(id))?.getTime() !== bench.clock.now().getTime(), { within: seconds(20) });
    const seen: string[] = [];
    const other = dueWork(async (clusterId) => {
      seen.push(clusterId);
      return later(hours(2));
    });
    await other.runDue();
    expect(seen).toEqual([]);
    bench.clock.advance(minutes(2));
    await other.runDue();
    expect(seen).toEqual([id]);
    release();
    await dying;
    // The end of a look that was given up does not move what the next one has set.
    expect(await dueAtOf(id)).toEqual(later(hours(2)));
  });

  it('stays at the time that a request sets while it is looked at, and ends when the cluster needs it no more', async () => {
    const [moved = '', ended = ''] = await planMany(2);
    const work = dueWork(async (clusterId) => {
      if (clusterId === ended) return undefined;
      await plan(moved, later(minutes(7)));
      return later(hours(1));
    });
    await work.runDue();
    expect(await dueAtOf(moved)).toEqual(later(minutes(7)));
    expect(await dueAtOf(ended)).toBeUndefined();
  });

  it('does not wait for a cluster that answers slowly, and a stop interrupts that look and gives it back', async () => {
    const [slow = '', ...others] = await planMany(6);
    const seen: string[] = [];
    const work = dueWork(
      (clusterId, { signal }) =>
        clusterId === slow
          ? new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('interrupted'))))
          : Promise.resolve(later(seen.push(clusterId) * 0 + hours(1))),
      { concurrency: 2 },
    );
    work.start();
    await until(() => seen.length === others.length, { within: seconds(20) });
    await work.stop();
    expect(await lookAtOf(slow)).toEqual(bench.clock.now());
  });
});

describe('the schedules of a cluster', () => {
  it('begin together once, spread over their first interval, and end with the cluster but for what outlives it', async () => {
    const id = randomUUID();
    const now = bench.clock.now();
    const start = (at: Date) => bench.database.prisma.$transaction((tx) => startSchedules(tx, id, at));
    await start(now);
    await start(later(hours(5)));
    const rows = await bench.database.prisma.clusterSchedule.findMany({ where: { clusterId: id } });
    expect(rows.map(({ kind }) => kind).sort()).toEqual([...SCHEDULE_KINDS].sort());
    for (const { dueAt } of rows) expect(dueAt.getTime()).toBeLessThan(later(hours(24)).getTime());
    await bench.database.prisma.$transaction((tx) => removeSchedules(tx, id));
    const left = await bench.database.prisma.clusterSchedule.findMany({ where: { clusterId: id } });
    expect(left.map(({ kind }) => kind)).toEqual(['retention']);
  });

  it('have places that are the same each time and even over many clusters', () => {
    const ids = Array.from({ length: 4000 }, () => randomUUID());
    const quarters = [0, 0, 0, 0];
    for (const id of ids) {
      const place = spreadOver(id, hours(4));
      expect(place).toBe(spreadOver(id, hours(4)));
      quarters[Math.floor(place / hours(1))]! += 1;
    }
    for (const count of quarters) expect(count).toBeGreaterThan(800);
  });
});
