import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hours, minutes, seconds, systemClock } from '@managed-consul/config';
import { createLogger } from '@managed-consul/observability';
import { BellListener, QueueBell } from '@managed-consul/operations';
import { startOwnRedis, until, WorkflowBench, type OwnRedis } from '@managed-consul/testing';
import {
  action,
  condition,
  defineWorkflow,
  done,
  DueOperations,
  waitFor,
  type OperationRecord,
  type StepContext,
} from '@managed-consul/workflow-engine';
import { Sweeper } from './index';

interface Services {
  readonly acts: Map<string, number>;
}
type Step = StepContext<Services>;

async function act({ acts, operation }: Step) {
  acts.set(operation.id, (acts.get(operation.id) ?? 0) + 1);
  return done();
}
async function settled({ attempt }: Step) {
  return attempt < 4 ? waitFor('It settles', 200) : done();
}
async function finish() {
  return done();
}
async function never() {
  return waitFor('Nothing comes', minutes(20));
}

const log = createLogger({ app: 'tests', level: 'silent' });
const work = defineWorkflow<Services>({
  operation: 'work',
  pageOperatorAfter: hours(1),
  steps: [action(act), condition(settled, { within: hours(1), orFail: 'It did not settle.' }), action(finish)],
});
const wait = defineWorkflow<Services>({
  operation: 'wait',
  pageOperatorAfter: hours(1),
  steps: [condition(never, { within: hours(9), orFail: 'It never came.' })],
});

let bench: WorkflowBench;
let redis: OwnRedis;
beforeAll(async () => {
  [bench, redis] = await Promise.all([WorkflowBench.open(), startOwnRedis()]);
});
afterAll(async () => {
  await redis.close();
  await bench.close();
});

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await bench.database.pool.query('DELETE FROM operations');
});

const page = async () => undefined;

describe('a sweep', () => {
  const sweeper = (paged: OperationRecord[] = []) => {
    const { database, bell, clock } = bench;
    return new Sweeper({ database, bell, log, clock, page: async (operation) => void paged.push(operation) });
  };
  const host = () => bench.host<Services>([work, wait], { acts: new Map() });
  const sweepFor = async (id: string) => {
    bench.bell.rung.length = 0;
    await sweeper().sweep();
    return bench.bell.rung.filter((call) => call.id === id);
  };

  it('rings for what is due and free, again and again, under the number of the bell that may be in the queue', async () => {
    const { id } = await bench.request('work');
    expect(await sweepFor(id)).toEqual([{ id, wakeNumber: 0, delay: 0 }]);
    expect(await sweepFor(id)).toEqual([{ id, wakeNumber: 0, delay: 0 }]);
  });

  it('leaves alone what waits for its time, what is held and what has ended', async () => {
    const { id } = await bench.request('wait');
    await bench.runner(host()).run(id);
    expect(await sweepFor(id)).toEqual([]);
    bench.clock.advance(minutes(20));
    expect(await sweepFor(id)).toHaveLength(1);
    const until = new Date(bench.clock.now().getTime() + 1);
    await bench.database.pool.query(`UPDATE operations SET lease_owner = 'other', lease_until = $2 WHERE id = $1`, [id, until]);
    expect(await sweepFor(id)).toEqual([]);
    await bench.database.pool.query('UPDATE operations SET lease_owner = NULL, lease_until = NULL WHERE id = $1', [id]);
    await bench.operations.cancel(id);
    await bench.runner(host()).run(id);
    expect(await sweepFor(id)).toEqual([]);
  });

  it('takes a lease that ran out from its dead holder, and rings under a new number once', async () => {
    const { id } = await bench.request('work');
    const until = bench.clock.now();
    await bench.database.pool.query(
      `UPDATE operations SET state = 'Running', lease_owner = 'dead', lease_until = $2 WHERE id = $1`,
      [id, until],
    );
    expect(await sweepFor(id)).toEqual([{ id, wakeNumber: 1, delay: 0 }]);
    expect(await sweepFor(id)).toEqual([{ id, wakeNumber: 1, delay: 0 }]);
  });

  it('rings for more than one page, the longest due first', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      ids.push((await bench.request('work')).id);
      if (count % 2 === 0) bench.clock.advance(1);
    }
    const pages: string[][] = [];
    for await (const found of new DueOperations(bench.database).pages(bench.clock.now(), 2))
      pages.push(found.map(({ id }) => id));
    expect(pages.map((found) => found.length)).toEqual([2, 2, 1]);
    expect(pages.flat().sort()).toEqual([...ids].sort());
  });

  it('pages once for an operation that takes too long, and the operation goes on', async () => {
    const { id } = await bench.request('wait');
    await bench.runner(host()).run(id);
    const paged: OperationRecord[] = [];
    bench.clock.advance(minutes(59));
    await sweeper(paged).sweep();
    expect(paged).toEqual([]);
    bench.clock.advance(minutes(2));
    await Promise.all([sweeper(paged).sweep(), sweeper(paged).sweep()]);
    await sweeper(paged).sweep();
    expect(paged.map((operation) => operation.id)).toEqual([id]);
    expect(await bench.runner(host()).run(id)).toBe('waiting');
  });
});

describe('workers on a real queue', () => {
  function start(acts: Services['acts']) {
    const bell = new QueueBell(redis.url, log);
    const host = bench.host<Services>([work], { acts });
    const runner = bench.runner(host, { bell, clock: systemClock, lease: { lasts: seconds(2), renewEvery: 500 } });
    const listener = new BellListener({ redisUrl: redis.url, concurrency: 10, log, answer: (id) => runner.run(id) });
    const sweeper = new Sweeper({ database: bench.database, bell, page, log, every: 300 });
    sweeper.start();
    closing.push(
      () => sweeper.stop(),
      () => runner.stop(),
      () => listener.close(true),
      () => bell.close(),
    );
    return { bell };
  }

  const open = async () => {
    const { rows } = await bench.database.pool.query("SELECT state FROM operations WHERE state <> 'Succeeded'");
    return rows.length;
  };

  async function requestMany(bell: QueueBell, count: number) {
    for (let index = 0; index < count; index += 1) await bell.ring(await bench.request('work'));
  }

  it('end every operation, each step once, although Redis forgets all again and again', async () => {
    const acts = new Map<string, number>();
    const { bell } = start(acts);
    const client = new Redis(redis.url);
    closing.push(async () => client.disconnect());
    await requestMany(bell, 20);
    for (let round = 0; round < 5; round += 1) {
      await client.flushall();
      const left = await open();
      if (left > 0) await until(async () => (await open()) <= Math.max(left - 3, 0), { within: seconds(20) });
    }
    await until(async () => (await open()) === 0, { within: seconds(30) });
    expect([...acts.values()]).toEqual(Array.from({ length: 20 }, () => 1));
  });

  it('end every operation although Redis is killed in the middle and comes back empty', async () => {
    const acts = new Map<string, number>();
    const { bell } = start(acts);
    await requestMany(bell, 10);
    await until(() => acts.size > 0, { within: seconds(20) });
    await redis.kill();
    await requestMany(bell, 3);
    await redis.start();
    await until(async () => (await open()) === 0, { within: seconds(40) });
    expect(acts.size).toBe(13);
  });
});
