import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hours, seconds } from '@managed-consul/config';
import { WorkflowBench } from '@managed-consul/testing';
import { action, defineWorkflow, done, type StepContext } from './index';

interface Services {
  readonly unstorable: Set<string>;
  readonly meanwhile: () => Promise<void>;
}
type Step = StepContext<Services>;

async function give({ operation, unstorable }: Step) {
  return done({ text: unstorable.has(operation.id) ? 'a NUL: \u0000' : 'fine' });
}
async function act({ meanwhile }: Step) {
  await meanwhile();
  return done();
}

let bench: WorkflowBench;
beforeAll(async () => {
  bench = await WorkflowBench.open();
});
afterAll(() => bench.close());

const workflow = defineWorkflow<Services>({
  operation: 'try',
  pageOperatorAfter: hours(1),
  steps: [action(give, { retry: { attempts: 1 } }), action(act)],
});

describe('writes of many operations in one statement', () => {
  it('succeed although one among them cannot be stored, and that one fails alone', async () => {
    const operations = await Promise.all(Array.from({ length: 12 }, () => bench.request('try')));
    const bad = operations[5]!.id;
    const host = bench.host([workflow], { unstorable: new Set([bad]), meanwhile: async () => undefined });
    const runner = bench.runner(host);
    expect(await Promise.all(operations.map(({ id }) => runner.run(id)))).toEqual(operations.map(() => 'ended'));
    for (const { id } of operations) expect((await bench.operation(id)).state).toBe(id === bad ? 'Failed' : 'Succeeded');
    expect(await bench.operation(bad)).toMatchObject({ errorCode: 'StepDidNotSucceed', errorStep: 'give' });
  });

  it('that the database drops leave their operations to be carried on soon, without a lost step', async () => {
    let cuts = 0;
    const meanwhile = async () => {
      if (++cuts > 1) return;
      const others =
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()';
      await bench.database.pool.query(others);
      // This very connection goes too, so that the next write meets a closed one or a new one.
      await bench.database.pool.query('SELECT pg_terminate_backend(pg_backend_pid())').catch(() => undefined);
    };
    const runner = bench.runner(bench.host([workflow], { unstorable: new Set<string>(), meanwhile }));
    const { id } = await bench.request('try');
    let result = await runner.run(id);
    for (let round = 0; round < 5 && result !== 'ended'; round += 1) {
      bench.clock.advance(seconds(31));
      result = await runner.run(id);
    }
    expect(result).toBe('ended');
    expect(await bench.progress(id)).toEqual(['give Succeeded', 'act Succeeded']);
  });
});
