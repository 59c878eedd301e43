import { once } from 'node:events';
import type { AgentTask } from '@managed-consul/agent-protocol';
import { systemClock } from '@managed-consul/config';
import { expect, it } from 'vitest';
import type { Log } from './log';
import { TaskRunner, type TaskHandlers } from './task-runner';

const silence = () => undefined;
const log = { debug: silence, info: silence, warn: silence, error: silence } as unknown as Log;
const LEAD: AgentTask = { kind: 'move-leadership', to: [{ address: '127.0.0.1' }] };
const RECOVER: AgentTask = { kind: 'recover-peers', peers: [{ id: crypto.randomUUID(), address: '127.0.0.1' }] };

it('a task that does not end is broken off after its time, and the next one can begin', async () => {
  const ends: (() => void)[] = [];
  const ended = () => new Promise<void>((resolve) => ends.push(resolve));
  const handlers = {
    'move-leadership': async (_task, { signal }) => {
      await once(signal, 'abort');
      throw new Error('It was broken off.');
    },
    'recover-peers': ({ peers }) => Promise.resolve({ peers: peers.length }),
  } as Partial<TaskHandlers> as TaskHandlers;
  const deadlines = {
    ...{ 'take-snapshot': 60_000, 'drill-snapshot': 60_000, 'restore-snapshot': 60_000 },
    'recover-peers': 60_000,
    'move-leadership': 50,
  };
  const tasks = new TaskRunner({ handlers, deadlines, clock: systemClock, log, onEnd: () => ends.shift()?.() });

  const firstEnds = ended();
  expect(tasks.start('one', LEAD).state).toBe('running');
  expect(() => tasks.start('two', RECOVER)).toThrow();
  await firstEnds;
  expect(tasks.find('one')).toMatchObject({ state: 'failed', error: { code: 'TaskTimedOut', mayPass: true } });

  const secondEnds = ended();
  tasks.start('two', RECOVER);
  await secondEnds;
  expect(tasks.find('two')).toMatchObject({ state: 'succeeded', result: { peers: 1 } });
});
