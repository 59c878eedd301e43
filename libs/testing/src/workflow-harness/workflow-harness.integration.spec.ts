import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { minutes, seconds } from '@managed-consul/config';
import {
  action,
  condition,
  defineWorkflow,
  done,
  forEachServer,
  waitFor,
  type StepContext,
} from '@managed-consul/workflow-engine';
import {
  everyStepTwice,
  failedAtEveryStepThenDeletable,
  fakeTime,
  killedAtEveryStep,
  WorkflowBench,
  type WorkflowTrial,
} from '../index';

interface House {
  readonly rooms: Map<string, number>;
  isReady: boolean;
}
interface Services {
  readonly houses: Map<string, House>;
}
type Step = StepContext<Services>;

const houseOf = ({ houses, operation }: Step): House => {
  const house = houses.get(operation.subject) ?? { rooms: new Map<string, number>(), isReady: false };
  houses.set(operation.subject, house);
  return house;
};

const rooms = async () => ['kitchen', 'bath'];
async function ensureRoom(step: Step) {
  houseOf(step).rooms.set(step.item, 1);
  return done();
}
async function addRoomWithoutLooking(step: Step) {
  const house = houseOf(step);
  house.rooms.set(step.item, (house.rooms.get(step.item) ?? 0) + 1);
  return done();
}
async function roomIsDry(step: Step) {
  return step.attempt < 3 ? waitFor('The paint dries', seconds(30)) : done();
}
async function openHouse(step: Step) {
  houseOf(step).isReady = true;
  return done();
}
async function tearDown({ houses, operation }: Step) {
  houses.delete(operation.subject);
  return done();
}
async function tearDownFinishedOnly({ houses, operation }: Step) {
  if (houses.get(operation.subject)?.isReady !== false) houses.delete(operation.subject);
  return done();
}

let bench: WorkflowBench;
beforeAll(async () => {
  bench = await WorkflowBench.open();
});
afterAll(() => bench.close());

function trialOf(addRoom: typeof ensureRoom, remove: typeof tearDown) {
  const houses: Services['houses'] = new Map();
  const dry = condition(roomIsDry, { within: minutes(5), orFail: 'The paint did not dry.' });
  const build = defineWorkflow<Services>({
    operation: 'build-house',
    pageOperatorAfter: minutes(10),
    steps: [forEachServer(rooms, [action(addRoom), dry]), action(openHouse)],
  });
  const removal = defineWorkflow<Services>({
    operation: 'remove-house',
    pageOperatorAfter: minutes(10),
    steps: [action(remove)],
  });
  const subjectOf = async (id: string) => (await bench.operation(id)).subject;
  const trial: WorkflowTrial<Services> = {
    database: bench.database,
    host: bench.host([build, removal], { houses }),
    time: fakeTime(bench.clock),
    request: async () => (await bench.request('build-house', { subject: `house/${randomUUID()}` })).id,
    verify: async (id) => {
      const expected = {
        isReady: true,
        rooms: new Map([
          ['kitchen', 1],
          ['bath', 1],
        ]),
      };
      expect(houses.get(await subjectOf(id))).toEqual(expected);
    },
  };
  const deletion = {
    kind: 'build-house',
    requestDelete: async (id: string) =>
      (await bench.request('remove-house', { subject: await subjectOf(id), lane: 'Delete' })).id,
    verifyDeleted: async (id: string) => expect(houses.get(await subjectOf(id))).toBeUndefined(),
  };
  return { trial, deletion };
}

describe('the trials', () => {
  it('pass a workflow whose steps look before they act', async () => {
    const { trial, deletion } = trialOf(ensureRoom, tearDown);
    await everyStepTwice(trial);
    const points = await killedAtEveryStep(trial);
    // One plan, two steps for each of two rooms, one step more; each with three moments to die in.
    expect(points.filter(({ point }) => point === 'after-row')).toHaveLength(6);
    expect(points).toHaveLength(18);
    expect(await killedAtEveryStep(trial, { separately: true })).toEqual(points);
    expect(await failedAtEveryStepThenDeletable(trial, deletion)).toEqual(['rooms', 'ensureRoom', 'roomIsDry', 'openHouse']);
  });

  it('catch a step that acts without looking', async () => {
    const { trial } = trialOf(addRoomWithoutLooking, tearDown);
    await expect(everyStepTwice(trial)).rejects.toThrow('Wrong in the end when every step ran twice');
    await expect(killedAtEveryStep(trial)).rejects.toThrow('its worker died at every step');
    await expect(killedAtEveryStep(trial, { separately: true })).rejects.toThrow('after-effect addRoomWithoutLooking of kitchen');
  });

  it('catch a delete that cannot take away what a failure left', async () => {
    const { trial, deletion } = trialOf(ensureRoom, tearDownFinishedOnly);
    await expect(failedAtEveryStepThenDeletable(trial, deletion)).rejects.toThrow('deleted after ensureRoom had failed');
  });
});
