import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hours, minutes, seconds } from '@managed-consul/config';
import { until, WorkflowBench } from '@managed-consul/testing';
import {
  action,
  condition,
  defineWorkflow,
  done,
  waitFor,
  type OperationOutcome,
  type StepContext,
  type WorkflowEvent,
} from './index';

interface World {
  readonly did: string[];
  /** Runs inside the step `busy`. */
  readonly meanwhile: (signal: AbortSignal) => Promise<void>;
}
type Step = StepContext<World>;

async function busy({ did, signal, attempt, meanwhile }: Step) {
  did.push(`busy ${attempt}`);
  await meanwhile(signal);
  return done({ attempt }, async (tx) => {
    const region = { displayName: 'R', geography: 'G', availabilityZones: true };
    await tx.region.create({ data: { name: `${String(did.length)}-${randomUUID()}`, ...region } });
  });
}
async function after({ did }: Step) {
  did.push('after');
  return done();
}
async function never() {
  return waitFor('Nothing comes', minutes(10));
}

let bench: WorkflowBench;
beforeAll(async () => {
  bench = await WorkflowBench.open();
});
afterAll(() => bench.close());

const SHORT_HEARTBEAT = { lasts: seconds(30), renewEvery: 10 };
const workflow = defineWorkflow<World>({ operation: 'try', pageOperatorAfter: hours(1), steps: [action(busy), action(after)] });
const waiting = defineWorkflow<World>({
  operation: 'wait',
  pageOperatorAfter: hours(1),
  steps: [condition(never, { within: hours(5), orFail: 'It never came.' })],
});
const remove = defineWorkflow<World>({ operation: 'remove', pageOperatorAfter: hours(1), steps: [action(after)] });

function given(meanwhile: World['meanwhile'] = async () => undefined) {
  const world: World = { did: [], meanwhile };
  const outcomes: (OperationOutcome & { id: string })[] = [];
  const host = bench.host([workflow, waiting, remove], world, {
    recordOutcome: async (_tx, { id }, outcome) => void outcomes.push({ id, ...outcome }),
  });
  const runner = (name: string) => bench.runner(host, { name, lease: SHORT_HEARTBEAT });
  return { world, host, outcomes, runner };
}

/** A promise and the function that keeps it. */
function gate() {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open: () => open() };
}

describe('the lease', () => {
  it('lets one of many workers that hear the same bell carry the operation out, once', async () => {
    const { world, runner } = given();
    const { id } = await bench.request('try');
    const workers = Array.from({ length: 8 }, (_, index) => runner(`worker-${String(index)}`));
    const results = await Promise.all([...workers, ...workers].map((worker) => worker.run(id)));
    expect(results.filter((result) => result === 'ended')).toHaveLength(1);
    expect(results.filter((result) => result === 'not-due')).toHaveLength(15);
    expect(world.did).toEqual(['busy 1', 'after']);
  });

  it('is renewed while a step takes long, so nobody else begins', async () => {
    const { passed, open } = gate();
    const { world, runner } = given(() => passed);
    const { id } = await bench.request('try');
    const running = runner('one').run(id);
    await until(() => world.did.length === 1, { within: 5000 });
    for (let round = 0; round < 4; round += 1) {
      bench.clock.advance(seconds(20));
      const now = bench.clock.now().getTime();
      const renewed = 'SELECT 1 FROM operations WHERE id = $1 AND lease_until >= $2';
      await until(async () => (await bench.database.pool.query(renewed, [id, new Date(now + seconds(30))])).rowCount, {
        within: 5000,
      });
      expect(await runner('two').run(id)).toBe('not-due');
    }
    open();
    expect(await running).toBe('ended');
    expect(world.did).toEqual(['busy 1', 'after']);
  });

  it('when lost in the middle of a step, aborts the step, and nothing of it is written', async () => {
    const { passed, open } = gate();
    let aborted = false;
    const { world, runner } = given(async (signal) => {
      if (world.did.length > 1) return;
      await once(signal, 'abort');
      aborted = true;
      await passed;
    });
    const { id } = await bench.request('try');
    const before = await bench.database.prisma.region.count();
    const lost = runner('one').run(id);
    await until(() => world.did.length === 1, { within: 5000 });
    // The first worker is cut off for longer than its lease: the row looks as if it had not renewed it.
    const past = new Date(bench.clock.now().getTime() - 1);
    await bench.database.pool.query('UPDATE operations SET lease_owner = $2, lease_until = $3 WHERE id = $1', [
      id,
      'cut off',
      past,
    ]);
    expect(await runner('two').run(id)).toBe('ended');
    await until(() => aborted, { within: 5000 });
    const finished = await bench.operation(id);
    open();
    expect(await lost).toBe('lost');
    expect(world.did).toEqual(['busy 1', 'busy 2', 'after']);
    expect(await bench.operation(id)).toEqual(finished);
    expect(await bench.database.prisma.region.count()).toBe(before + 1);
  });

  it('ends on time in a worker whose renewal hangs: the step is aborted and nothing of it is written', async () => {
    let aborted = false;
    const { world, runner } = given(async (signal) => {
      await once(signal, 'abort');
      aborted = true;
    });
    const { id } = await bench.request('try');
    const before = await bench.database.prisma.region.count();
    const holder = await bench.database.pool.connect();
    try {
      const running = runner('one').run(id);
      await until(() => world.did.length === 1, { within: 5000 });
      // For the worker a row that stays locked is the same as a connection that is dead: its question gets no answer.
      await holder.query('BEGIN');
      await holder.query('SELECT 1 FROM operations WHERE id = $1 FOR UPDATE', [id]);
      const hanging = 'SELECT 1 FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid';
      await until(async () => (await holder.query(hanging)).rowCount, { within: 5000 });
      expect(aborted).toBe(false);
      bench.clock.advance(seconds(31));
      await until(() => aborted, { within: 5000 });
      await holder.query('ROLLBACK');
      expect(await running).toBe('lost');
    } finally {
      holder.release(true);
    }
    expect(await bench.database.prisma.region.count()).toBe(before);
  });

  it('when lost without notice, is refused by the write itself, and what the step records is rolled back', async () => {
    const { world, host } = given(async () => {
      if (world.did.length > 1) return;
      await bench.database.pool.query(`UPDATE operations SET lease_owner = 'thief' WHERE kind = 'try' AND state = 'Running'`);
    });
    const { id } = await bench.request('try');
    const before = await bench.database.prisma.region.count();
    const deaf = bench.runner(host, { lease: { lasts: seconds(30), renewEvery: hours(1) } });
    expect(await deaf.run(id)).toBe('lost');
    expect(await bench.database.prisma.region.count()).toBe(before);
    expect(await bench.progress(id)).toEqual(['busy Running']);
    bench.clock.advance(minutes(1));
    expect(await deaf.run(id)).toBe('ended');
    expect(await bench.database.prisma.region.count()).toBe(before + 1);
  });

  it('of a dead worker runs out, and the next goes on at the step without a finished row', async () => {
    const { host } = given(() => new Promise<void>(() => undefined));
    const { id } = await bench.request('try');
    const deaf = bench.runner(host, { lease: { lasts: seconds(30), renewEvery: hours(1) } });
    void deaf.run(id);
    await until(async () => (await bench.progress(id)).length, { within: 5000 });
    const { world: next, runner: successor } = given();
    expect(await successor('two').run(id)).toBe('not-due');
    bench.clock.advance(seconds(31));
    expect(await successor('two').run(id)).toBe('ended');
    expect(next.did).toEqual(['busy 2', 'after']);
  });

  it('is given back at once when the worker stops between steps, and another worker goes on', async () => {
    const { passed, open } = gate();
    const { world, runner } = given(() => passed);
    const { id } = await bench.request('try');
    const one = runner('one');
    const running = one.run(id);
    await until(() => world.did.length === 1, { within: 5000 });
    const stopped = one.stop(minutes(1));
    open();
    expect(await running).toBe('released');
    await stopped;
    expect(bench.bell.rung.at(-1)).toMatchObject({ id, delay: 0 });
    expect(world.did).toEqual(['busy 1']);
    expect(await one.run(id)).toBe('not-due');
    expect(await runner('two').run(id)).toBe('ended');
    expect(world.did).toEqual(['busy 1', 'after']);
  });

  it('is given back when a step that takes too long for a stop heeds its signal; that costs no try', async () => {
    const { world, runner } = given(async (signal) => {
      if (world.did.length > 1) return;
      await once(signal, 'abort');
      throw new Error('interrupted');
    });
    const { id } = await bench.request('try');
    const one = runner('one');
    const running = one.run(id);
    await until(() => world.did.length === 1, { within: 5000 });
    await one.stop(0);
    expect(await running).toBe('released');
    expect(await runner('two').run(id)).toBe('ended');
    const { rows } = await bench.database.pool.query('SELECT failures FROM operation_steps WHERE operation_id = $1', [id]);
    expect(rows).toEqual([{ failures: 0 }, { failures: 0 }]);
  });
});

describe('a delete', () => {
  it('overtakes a waiting change: the change is canceled first, then its end rings the delete', async () => {
    const { outcomes, runner } = given();
    const subject = `thing/${randomUUID()}`;
    const change = await bench.request('wait', { subject });
    expect(await runner('one').run(change.id)).toBe('waiting');
    const removal = await bench.request('remove', { subject, lane: 'Delete' });
    expect(await runner('one').run(removal.id)).toBe('blocked');
    const changeNow = await bench.operation(change.id);
    expect(bench.bell.rung).toContainEqual({ id: change.id, wakeNumber: changeNow.wakeNumber, delay: 0 });
    expect(await runner('one').run(change.id)).toBe('ended');
    expect(bench.bell.rung.at(-1)).toMatchObject({ id: removal.id, delay: 0 });
    expect(await runner('one').run(removal.id)).toBe('ended');
    expect(outcomes.map(({ id, state }) => [id, state])).toEqual([
      [change.id, 'Canceled'],
      [removal.id, 'Succeeded'],
    ]);
  });

  it('waits for a change that is in the middle of a step, and never runs beside it', async () => {
    const { passed, open } = gate();
    const { world, runner } = given(() => passed);
    const subject = `thing/${randomUUID()}`;
    const change = await bench.request('try', { subject });
    const changing = runner('one').run(change.id);
    await until(() => world.did.length === 1, { within: 5000 });
    const removal = await bench.request('remove', { subject, lane: 'Delete' });
    expect(await runner('two').run(removal.id)).toBe('blocked');
    expect((await bench.operation(removal.id)).state).toBe('Pending');
    open();
    expect(await changing).toBe('ended');
    expect((await bench.operation(change.id)).state).toBe('Canceled');
    expect(await runner('two').run(removal.id)).toBe('ended');
    expect(world.did).toEqual(['busy 1', 'after']);
  });

  it('keeps changes of its subject from being asked for, and the refusal names it', async () => {
    const { runner } = given();
    const subject = `thing/${randomUUID()}`;
    const removal = await bench.request('remove', { subject, lane: 'Delete' });
    const refused = { code: 'OperationInProgress', target: removal.id };
    await expect(bench.request('try', { subject })).rejects.toMatchObject(refused);
    await expect(bench.request('remove', { subject, lane: 'Delete' })).rejects.toMatchObject(refused);
    expect(await runner('one').run(removal.id)).toBe('ended');
    expect((await bench.request('try', { subject })).state).toBe('Pending');
  });

  it('that came before the change had begun lets none of its steps run', async () => {
    const { world, runner } = given();
    const subject = `thing/${randomUUID()}`;
    const change = await bench.request('try', { subject });
    await bench.request('remove', { subject, lane: 'Delete' });
    expect(await runner('one').run(change.id)).toBe('ended');
    expect((await bench.operation(change.id)).state).toBe('Canceled');
    expect(world.did).toEqual([]);
  });

  it('cannot be canceled', async () => {
    const removal = await bench.request('remove', { lane: 'Delete' });
    await expect(bench.operations.cancel(removal.id)).rejects.toMatchObject({ code: 'Conflict' });
  });
});

describe('the end of an operation', () => {
  it('and what the host records of it are one transaction', async () => {
    const { world } = given();
    let tries = 0;
    const host = bench.host([workflow], world, {
      recordOutcome: async (tx, { id }) => {
        await tx.region.create({ data: { name: id, displayName: 'R', geography: 'G', availabilityZones: true } });
        if (++tries === 1) throw new Error('not now');
      },
    });
    const { id } = await bench.request('try');
    expect(await bench.runner(host).run(id)).toBe('broken');
    expect((await bench.operation(id)).state).toBe('Running');
    expect(await bench.database.prisma.region.count({ where: { name: id } })).toBe(0);
    expect(bench.bell.rung.at(-1)).toMatchObject({ id, delay: seconds(2) });
    bench.clock.advance(seconds(2));
    expect(await bench.runner(host).run(id)).toBe('ended');
    expect(await bench.database.prisma.region.count({ where: { name: id } })).toBe(1);
    expect(world.did).toEqual(['busy 1', 'after']);
  });

  it('and every step before it are told in the words of the host, as events of the cluster', async () => {
    const { world } = given();
    const describe = (event: WorkflowEvent) => ({
      type: event.type,
      message: 'step' in event ? `${event.step} is done` : event.operation.kind,
    });
    const clusterId = randomUUID();
    const { id } = await bench.request('try', { clusterId });
    expect(await bench.runner(bench.host([workflow], world, { describe })).run(id)).toBe('ended');
    const events = await bench.database.prisma.clusterEvent.findMany({ where: { clusterId }, orderBy: { id: 'asc' } });
    expect(events.map(({ type, message, operationId }) => [type, message, operationId])).toEqual([
      ['OperationStarted', 'try', id],
      ['StepSucceeded', 'busy is done', id],
      ['StepSucceeded', 'after is done', id],
      ['OperationEnded', 'try', id],
    ]);
  });
});

describe('an operation of a kind that the worker does not know', () => {
  it('is left for a worker that does', async () => {
    const { runner } = given();
    const { id } = await bench.request('from-the-future');
    expect(await runner('old').run(id)).toBe('released');
    expect(await bench.operation(id)).toMatchObject({ state: 'Running', errorCode: null });
    const wakeAt = (await bench.operation(id)).wakeAt!;
    expect(wakeAt.getTime() - bench.clock.now().getTime()).toBe(minutes(1));
  });
});
