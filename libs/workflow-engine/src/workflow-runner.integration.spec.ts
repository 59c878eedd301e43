import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hours, minutes, seconds } from '@managed-consul/config';
import { TerminalError, TransientError } from '@managed-consul/errors';
import { WorkflowBench } from '@managed-consul/testing';
import { action, condition, defineWorkflow, done, forEachServer, waitFor, type StepContext, type StepEntry } from './index';

interface World {
  /** What the steps did, in order. */
  readonly did: string[];
  /** Answers that steps ask for, one after the other; an error is thrown, undefined is "not yet". */
  readonly answers: unknown[];
}
type Step = StepContext<World>;

async function first({ did }: Step) {
  did.push('first');
  return done({ made: 'something' });
}
async function second({ did, outputOf }: Step) {
  did.push(`second after ${outputOf(first).made}`);
  return done();
}
async function asked({ did, answers }: Step) {
  did.push('asked');
  const answer = answers.shift();
  if (answer instanceof Error) throw answer;
  return done({ answer });
}
async function seen({ did, answers }: Step) {
  did.push('looked');
  const answer = answers.shift();
  if (answer instanceof Error) throw answer;
  return answer === undefined ? waitFor('It is not there yet', seconds(20)) : done({ answer });
}
async function cleanUp({ did }: Step) {
  did.push('cleaned up');
  return done();
}

let bench: WorkflowBench;
beforeAll(async () => {
  bench = await WorkflowBench.open();
});
afterAll(() => bench.close());

function given(steps: Parameters<typeof defineWorkflow<World>>[0]['steps'], onFailure: StepEntry<World>[] = []) {
  const world: World = { did: [], answers: [] };
  const workflow = defineWorkflow<World>({ operation: 'try', pageOperatorAfter: hours(1), steps, onFailure });
  const host = bench.host([workflow], world);
  return { world, host, runner: bench.runner(host) };
}

const theWait = condition(seen, { within: minutes(1), orFail: 'It never came.' });

describe('steps', () => {
  it('run in order in one go, each with the outputs of those before it', async () => {
    const { world, runner } = given([action(first), action(second)]);
    const { id } = await bench.request('try');
    expect(await runner.run(id)).toBe('ended');
    expect(world.did).toEqual(['first', 'second after something']);
    expect(await bench.progress(id)).toEqual(['first Succeeded', 'second Succeeded']);
    expect(await bench.operation(id)).toMatchObject({
      state: 'Succeeded',
      wakeAt: null,
      errorCode: null,
      finishedAt: bench.clock.now(),
    });
    expect(bench.bell.rung.filter((call) => call.id === id)).toEqual([]);
  });

  it('that fail for good end the operation with their code and sentence, and nothing behind them runs', async () => {
    const { world, runner } = given([action(asked), action(first)]);
    world.answers.push(new TerminalError('QuotaExceeded', 'Ask Azure for more cores.', new Error('secret detail')));
    const { id } = await bench.request('try');
    expect(await runner.run(id)).toBe('ended');
    expect(world.did).toEqual(['asked']);
    const error = { errorCode: 'QuotaExceeded', errorMessage: 'Ask Azure for more cores.', errorStep: 'asked' };
    expect(await bench.operation(id)).toMatchObject({ state: 'Failed', ...error });
    expect(await bench.progress(id)).toEqual(['asked Failed']);
  });

  it('cannot read the output of a step that has not finished', async () => {
    const { runner } = given([action(second), action(first)]);
    const { id } = await bench.request('try');
    await runner.run(id);
    expect(await bench.operation(id)).toMatchObject({ state: 'Failed', errorCode: 'InternalError', errorStep: 'second' });
  });
});

describe('errors that may pass', () => {
  it('are tried again after a delay that doubles up to its ceiling, until the attempts are spent', async () => {
    const retry = { attempts: 4, within: hours(9), firstDelay: seconds(10), maxDelay: seconds(30) };
    const { world, runner } = given([action(asked, { retry })]);
    world.answers.push(new Error('one'), new Error('two'), new TransientError('three'), new Error('four'));
    const { id } = await bench.request('try');
    for (const delay of [10, 20, 30]) {
      expect(await runner.run(id)).toBe('waiting');
      expect(bench.bell.rung.at(-1)).toMatchObject({ id, delay: seconds(delay) });
      bench.clock.advance(seconds(delay));
    }
    expect(await runner.run(id)).toBe('ended');
    expect(await bench.operation(id)).toMatchObject({ state: 'Failed', errorCode: 'StepDidNotSucceed' });
    expect((await bench.operation(id)).errorMessage).not.toContain('four');
  });

  it('are told in the row of their step, in an adapter’s own words only, and stay there when a later try works', async () => {
    const { world, runner } = given([action(asked, { retry: { attempts: 9 } }), theWait]);
    const { id } = await bench.request('try');
    const problems = async () => {
      const rows = 'SELECT name, last_problem AS problem FROM operation_steps WHERE operation_id = $1 ORDER BY position';
      const steps = (await bench.database.pool.query<{ name: string; problem: string | null }>(rows, [id])).rows;
      return steps.map(({ name, problem }) => [name, problem]);
    };
    world.answers.push(new Error('postgres://user:hunter2@host'));
    await runner.run(id);
    expect(await problems()).toEqual([['asked', expect.stringMatching(/unexpected.*log/)]]);
    world.answers.push(new TransientError('Azure could not make it: 503', { cause: new Error('hunter2') }));
    bench.clock.advance(seconds(31));
    await runner.run(id);
    expect(await problems()).toEqual([['asked', 'Azure could not make it: 503']]);
    world.answers.push('fine', undefined);
    bench.clock.advance(seconds(31));
    await runner.run(id);
    const [, waiting] = await problems();
    expect(waiting).toEqual(['seen', null]);
    world.answers.push(new TransientError('Azure could not read it: 429'));
    bench.clock.advance(minutes(1));
    expect(await runner.run(id)).toBe('ended');
    const error = { errorCode: 'WaitTimedOut', errorMessage: 'It never came.' };
    expect(await bench.operation(id)).toMatchObject({ state: 'Failed', ...error });
    expect(await problems()).toEqual([
      ['asked', 'Azure could not make it: 503'],
      ['seen', 'Azure could not read it: 429'],
    ]);
  });

  it('wait at least as long as the other side asks', async () => {
    const { world, runner } = given([action(asked)]);
    world.answers.push(new TransientError('busy', { retryAfterSeconds: 77 }), 'fine');
    const { id } = await bench.request('try');
    await runner.run(id);
    expect(bench.bell.rung.at(-1)).toMatchObject({ id, delay: seconds(77) });
    bench.clock.advance(seconds(77));
    expect(await runner.run(id)).toBe('ended');
    expect((await bench.operation(id)).state).toBe('Succeeded');
  });

  it('are given up when the time of the step is spent, with a last try at its very end', async () => {
    const { world, runner } = given([
      action(asked, { retry: { within: seconds(25), firstDelay: seconds(20), maxDelay: seconds(20) } }),
    ]);
    world.answers.push(new Error('one'), new Error('two'), new Error('three'));
    const { id } = await bench.request('try');
    for (const delay of [20, 5]) {
      await runner.run(id);
      expect(bench.bell.rung.at(-1)).toMatchObject({ id, delay: seconds(delay) });
      bench.clock.advance(seconds(delay));
    }
    expect(await runner.run(id)).toBe('ended');
    expect((await bench.operation(id)).state).toBe('Failed');
  });

  it('in what a step records are errors of the step, and roll its row back', async () => {
    let records = 0;
    async function recording() {
      return done({}, async (tx) => {
        await tx.region.create({ data: { name: `r-${++records}`, displayName: 'R', geography: 'G', availabilityZones: true } });
        if (records === 1) throw new Error('the database said no');
      });
    }
    const { runner } = given([action(recording), action(first)]);
    const { id } = await bench.request('try');
    expect(await runner.run(id)).toBe('waiting');
    expect(await bench.progress(id)).toEqual(['recording Waiting']);
    bench.clock.advance(minutes(1));
    expect(await runner.run(id)).toBe('ended');
    expect((await bench.database.prisma.region.findMany()).map(({ name }) => name)).toEqual(['r-2']);
  });
});

describe('a condition', () => {
  it('shows its sentence, gives the lease back and looks again when its time has come', async () => {
    const { world, runner } = given([theWait, action(first)]);
    world.answers.push(undefined, 'there');
    const { id } = await bench.request('try');
    expect(await runner.run(id)).toBe('waiting');
    expect(await bench.operation(id)).toMatchObject({ state: 'Running', currentStep: 'seen', waitingFor: 'It is not there yet' });
    expect(bench.bell.rung.at(-1)).toEqual({ id, wakeNumber: 1, delay: seconds(20) });
    expect(await runner.run(id)).toBe('not-due');
    bench.clock.advance(seconds(20));
    expect(await runner.run(id)).toBe('ended');
    expect(world.did).toEqual(['looked', 'looked', 'first']);
    expect((await bench.operation(id)).waitingFor).toBeNull();
  });

  it('fails with its own sentence when its time, counted from the first look and errors included, is over', async () => {
    const { world, runner } = given([theWait, action(first)]);
    world.answers.push(undefined, new Error('lost'), undefined, undefined);
    const { id } = await bench.request('try');
    const started = bench.clock.now().getTime();
    while ((await runner.run(id)) === 'waiting') bench.clock.advanceTo((await bench.operation(id)).wakeAt!);
    expect(bench.clock.now().getTime() - started).toBe(minutes(1));
    const error = { errorCode: 'WaitTimedOut', errorMessage: 'It never came.', errorStep: 'seen' };
    expect(await bench.operation(id)).toMatchObject({ state: 'Failed', ...error });
    expect(world.did).not.toContain('first');
  });

  it('looks again at once when it is nudged, even while it is looking', async () => {
    const subject = `thing/${randomUUID()}`;
    async function nudgedInside({ did }: Step) {
      did.push('looked');
      if (did.length > 1) return done();
      await bench.operations.nudge(subject);
      return waitFor('It comes while we look', hours(1));
    }
    const { world, runner } = given([theWait, condition(nudgedInside, { within: hours(2), orFail: 'No.' })]);
    const { id } = await bench.request('try', { subject });
    expect(await runner.run(id)).toBe('waiting');
    await bench.operations.nudge(subject);
    expect(bench.bell.rung.at(-1)).toMatchObject({ id, wakeNumber: 2, delay: 0 });
    world.answers.push('there');
    world.did.length = 0;
    expect(await runner.run(id)).toBe('ended');
    expect(world.did).toEqual(['looked', 'looked']);
  });
});

describe('forEachServer', () => {
  it('computes its list once, stores it, and finishes each item before the next', async () => {
    let asks = 0;
    const servers = async () => (++asks === 1 ? ['b', 'a'] : ['something else']);
    async function act({ did, item }: Step) {
      did.push(`act ${item}`);
      return done({ by: item });
    }
    async function check({ did, item, answers, outputOf, findOutputOf }: Step) {
      did.push(`check ${item}: ${outputOf(act).by}, a: ${findOutputOf(act, 'a')?.by ?? 'none'}`);
      return answers.shift() === undefined ? waitFor('Checking', seconds(1)) : done();
    }
    const { world, runner } = given([
      forEachServer(servers, [action(act), condition(check, { within: minutes(1), orFail: 'No.' })]),
      action(first),
    ]);
    world.answers.push(undefined, 'ok', 'ok');
    const { id } = await bench.request('try');
    expect(await runner.run(id)).toBe('waiting');
    bench.clock.advance(seconds(1));
    expect(await runner.run(id)).toBe('ended');
    expect(asks).toBe(1);
    expect(world.did).toEqual(['act b', 'check b: b, a: none', 'check b: b, a: none', 'act a', 'check a: a, a: a', 'first']);
    const begun = ['servers', 'act:b', 'check:b', 'act:a', 'check:a', 'first'];
    expect(await bench.progress(id)).toEqual(begun.map((name) => `${name} Succeeded`));
  });

  it('with nothing to go through is passed', async () => {
    const nobody = async () => [];
    const { world, runner } = given([forEachServer(nobody, [action(first)])]);
    const { id } = await bench.request('try');
    expect(await runner.run(id)).toBe('ended');
    expect(world.did).toEqual([]);
    expect((await bench.operation(id)).state).toBe('Succeeded');
  });
});

describe('the failure list', () => {
  it('runs to its end before the operation is Failed, whatever fails in it, and keeps the first error', async () => {
    const { world, runner } = given([theWait, action(first)], [action(asked), action(cleanUp)]);
    world.answers.push(
      new TerminalError('Broken', 'It broke.'),
      new Error('for a moment'),
      new TerminalError('Other', 'Another.'),
    );
    const { id } = await bench.request('try');
    expect(await runner.run(id)).toBe('waiting');
    expect(await bench.operation(id)).toMatchObject({ state: 'Running', errorCode: 'Broken' });
    bench.clock.advance(minutes(1));
    expect(await runner.run(id)).toBe('ended');
    expect(world.did).toEqual(['looked', 'asked', 'asked', 'cleaned up']);
    expect(await bench.operation(id)).toMatchObject({ state: 'Failed', errorCode: 'Broken', errorStep: 'seen' });
    expect(await bench.progress(id)).toEqual(['seen Failed', 'asked Failed', 'cleanUp Succeeded']);
  });
});

describe('cancel', () => {
  it('is looked at between steps only, then runs the failure list and ends as Canceled', async () => {
    let operationId = '';
    async function canceledInside({ did, signal }: Step) {
      await bench.operations.cancel(operationId);
      did.push(`told to stop: ${String(signal.aborted)}`);
      return done();
    }
    const { world, runner } = given([action(canceledInside), action(first)], [action(cleanUp)]);
    operationId = (await bench.request('try')).id;
    expect(await runner.run(operationId)).toBe('ended');
    expect(world.did).toEqual(['told to stop: false', 'cleaned up']);
    expect((await bench.operation(operationId)).state).toBe('Canceled');
    expect(await bench.progress(operationId)).toEqual(['canceledInside Succeeded', 'first Failed', 'cleanUp Succeeded']);
  });

  it('ends a waiting operation at once', async () => {
    const { runner } = given([theWait]);
    const { id } = await bench.request('try');
    await runner.run(id);
    await bench.operations.cancel(id);
    expect(bench.bell.rung.at(-1)).toMatchObject({ id, delay: 0 });
    expect(await runner.run(id)).toBe('ended');
    expect((await bench.operation(id)).state).toBe('Canceled');
  });

  it('comes too late when all steps are done', async () => {
    let operationId = '';
    async function last() {
      await bench.operations.cancel(operationId);
      return done();
    }
    const { runner } = given([action(last)]);
    operationId = (await bench.request('try')).id;
    expect(await runner.run(operationId)).toBe('ended');
    expect((await bench.operation(operationId)).state).toBe('Succeeded');
  });
});

describe('a pause', () => {
  const grounds = { reason: 'Azure misbehaves.', ticket: 'OPS-1', actorId: 'lead' };
  const pause = (scope: 'All' | 'Kind' | 'Cluster', value: string | null) =>
    bench.database.prisma.pause.create({
      data: { ...grounds, scope, value, until: new Date(bench.clock.now().getTime() + minutes(10)) },
    });
  afterEach(() => bench.database.prisma.pause.deleteMany());

  it('keeps operations of its scope from being taken up, and no others, and ends by itself', async () => {
    const { world, host } = given([action(first)]);
    const other = defineWorkflow<World>({ operation: 'other', pageOperatorAfter: hours(1), steps: [action(asked)] });
    const runner = bench.runner(bench.host([...host.workflows.values(), other], world));
    await pause('Kind', 'try');
    const [paused, free] = [await bench.request('try'), await bench.request('other')];
    expect([await runner.run(paused.id), await runner.run(free.id)]).toEqual(['paused', 'ended']);
    expect(bench.bell.rung.at(-1)).toMatchObject({ id: paused.id, delay: seconds(15) });
    expect(await bench.operation(paused.id)).toMatchObject({ state: 'Pending', startedAt: null });
    bench.clock.advance(minutes(10));
    expect(await runner.run(paused.id)).toBe('ended');
    expect(world.did).toEqual(['asked', 'first']);
  });

  it('is looked for again soon, so that one that is lifted holds nobody up', async () => {
    const { runner } = given([action(first)]);
    const { id: pauseId } = await pause('All', null);
    const { id } = await bench.request('try');
    expect(await runner.run(id)).toBe('paused');
    await bench.database.prisma.pause.update({ where: { id: pauseId }, data: { liftedAt: bench.clock.now() } });
    expect(await runner.run(id)).toBe('not-due');
    bench.clock.advance(seconds(15));
    expect(await runner.run(id)).toBe('ended');
  });

  it('holds what waits where it is, and its time counts for no limit', async () => {
    const { world, runner } = given([theWait, action(first)]);
    const clusterId = randomUUID();
    const { id } = await bench.request('try', { clusterId });
    expect(await runner.run(id)).toBe('waiting');
    bench.clock.advance(seconds(20));
    await pause('Cluster', clusterId);
    for (let look = 0; look < 40; look += 1) {
      expect(await runner.run(id)).toBe('paused');
      bench.clock.advance(seconds(15));
    }
    // Ten minutes later its minute is not over.
    expect(await runner.run(id)).toBe('waiting');
    expect(world.did).toEqual(['looked', 'looked']);
    world.answers.push('there');
    bench.clock.advance(seconds(20));
    expect(await runner.run(id)).toBe('ended');
    expect((await bench.operation(id)).state).toBe('Succeeded');
  });
});
