import { randomUUID } from 'node:crypto';
import type { Requester } from '@managed-consul/access';
import { hours, minutes, seconds } from '@managed-consul/config';
import { carryOut, planSkip } from '@managed-consul/fleet';
import { WorkflowBench } from '@managed-consul/testing';
import {
  action,
  condition,
  defineWorkflow,
  done,
  forEachServer,
  stepsOf,
  waitFor,
  type StepContext,
} from '@managed-consul/workflow-engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WORKFLOWS } from './workflow-host';

it('only steps that hand nothing on and take nothing down may be skipped', () => {
  const skippable = WORKFLOWS.flatMap(({ operation, steps, onFailure }) =>
    stepsOf([...steps, ...onFailure]).flatMap((step) => (step.skippable === null ? [] : [`${operation}: ${step.name}`])),
  );
  expect(skippable.sort()).toEqual([
    'delete-cluster: forgetDeployment',
    'repair-cluster: clusterIsWhole',
    'resize-cluster: clusterIsReady',
    'resize-cluster: unfinishedServersAreTakenBack',
    'rotate-gossip-key: tellOfAbsentMembers',
    'scale-cluster: clusterIsReady',
    'scale-cluster: unfinishedServersAreTakenBack',
    'upgrade-cluster: serverIsBack',
  ]);
});

interface World {
  readonly did: string[];
}
type Step = StepContext<World>;

const servers = async () => ['one', 'two'];
async function look({ did, item }: Step) {
  did.push(`look at ${item}`);
  return item === '' ? done() : waitFor('Not yet', seconds(20));
}
async function proof({ did }: Step) {
  did.push('proof');
  return waitFor('Not yet', seconds(20));
}
async function after({ did, item }: Step) {
  did.push(`after ${item}`);
  return done();
}

const PATIENCE = { within: hours(1), orFail: 'It never came.' };
const EASY = { ...PATIENCE, skippable: 'It only looks.' };
const lead: Requester = { tenantId: randomUUID(), objectId: randomUUID(), groupIds: [], correlationId: 'tests' };

describe('a step that an operator has skipped', () => {
  let bench: WorkflowBench;
  beforeAll(async () => {
    bench = await WorkflowBench.open();
  });
  afterAll(() => bench.close());

  function given(...steps: Parameters<typeof defineWorkflow<World>>[0]['steps']) {
    const world: World = { did: [] };
    const workflow = defineWorkflow<World>({ operation: 'try', pageOperatorAfter: minutes(5), steps });
    return { world, runner: bench.runner(bench.host([workflow], world)) };
  }
  const skip = (id: string, name: string, item = '') =>
    bench.database.prisma.$transaction(async (tx) =>
      carryOut(
        tx,
        lead,
        { reason: 'Seen by hand.', ticket: 'OPS-1' },
        await planSkip(tx, id, { name, item }, lead, bench.clock),
        { dryRun: false },
      ),
    );

  it('does not run again, those behind it do, and the time of its next look is not waited for', async () => {
    const { world, runner } = given(condition(proof, EASY), action(after));
    const { id } = await bench.request('try');
    expect(await runner.run(id)).toBe('waiting');
    await skip(id, 'proof');
    expect(await runner.run(id)).toBe('ended');
    expect(world.did).toEqual(['proof', 'after ']);
    expect(await bench.progress(id)).toEqual(['proof Skipped', 'after Succeeded']);
    expect((await bench.operation(id)).state).toBe('Succeeded');
    await expect(skip(id, 'proof')).rejects.toMatchObject({ code: 'Conflict' });
  });

  it('is skipped for the one server that was named, and a second call changes nothing at the next', async () => {
    const { world, runner } = given(forEachServer(servers, [condition(look, EASY), action(after)]));
    const { id } = await bench.request('try');
    await runner.run(id);
    await skip(id, 'look', 'one');
    await expect(skip(id, 'look', 'one')).rejects.toMatchObject({ code: 'StepNotCurrent' });
    expect(await runner.run(id)).toBe('waiting');
    await expect(skip(id, 'look', 'one')).rejects.toMatchObject({ code: 'StepNotCurrent' });
    expect(world.did).toEqual(['look at one', 'after one', 'look at two']);
    expect((await bench.progress(id)).at(-1)).toBe('look:two Waiting');
  });

  it('is one that its workflow allows to be skipped, and no other', async () => {
    const { world, runner } = given(condition(proof, PATIENCE), action(after));
    const { id } = await bench.request('try');
    await runner.run(id);
    await expect(skip(id, 'proof')).rejects.toMatchObject({ code: 'StepNotSkippable' });
    await expect(skip(id, 'after')).rejects.toMatchObject({ code: 'StepNotCurrent' });
    bench.clock.advance(seconds(20));
    expect(await runner.run(id)).toBe('waiting');
    expect(world.did).toEqual(['proof', 'proof']);
  });
});
