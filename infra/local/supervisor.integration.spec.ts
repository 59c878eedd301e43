import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '@managed-consul/testing';
import type { ComponentState } from './state-file';
import { Supervisor, type Component } from './supervisor';

let last: ComponentState[] = [];
let said: string[] = [];
let supervisor: Supervisor | undefined;

function newSupervisor(): Supervisor {
  last = [];
  said = [];
  supervisor = new Supervisor({ changed: (components) => (last = components), say: (line) => said.push(line) });
  return supervisor;
}

const sleeper = (name: string, failures = 0): Component => ({
  name,
  port: null,
  log: '',
  stopSignal: 'SIGTERM',
  stopWithin: 5000,
  start: async () => {
    if (failures-- > 0) throw new Error('not yet');
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    await once(child, 'spawn');
    return child;
  },
});

const pidOf = (name: string) => last.find((component) => component.name === name)?.process?.pid;

afterEach(async () => supervisor?.stop());

describe('the supervisor', () => {
  it('starts a killed process again, and says so', async () => {
    await newSupervisor().start(sleeper('one'));
    const first = pidOf('one')!;
    process.kill(first, 'SIGKILL');
    const second = await until(() => pidOf('one') !== first && pidOf('one'), { within: 10_000 });
    expect(second).not.toBe(first);
    expect(said).toContainEqual(expect.stringContaining('one ended (SIGKILL)'));
    await until(() => said.includes('one works again'), { within: 5000 });
  });

  it('tries again when a restart fails', async () => {
    const component = sleeper('one');
    await newSupervisor().start(component);
    const first = pidOf('one')!;
    const start = component.start.bind(component);
    let failures = 1;
    component.start = (spawned) => (failures-- > 0 ? Promise.reject(new Error('port in use')) : start(spawned));
    process.kill(first, 'SIGKILL');
    await until(() => said.includes('one works again'), { within: 10_000 });
    expect(said).toContain('one did not start: port in use');
  });

  it('has written a process down before it works', async () => {
    const pending = Promise.withResolvers<void>();
    const component = sleeper('one');
    component.start = async (spawned) => {
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
      spawned(child);
      await pending.promise;
      return child;
    };
    const started = newSupervisor().start(component);
    const before = last[0]?.process?.pid;
    expect(() => process.kill(before!, 0)).not.toThrow();
    pending.resolve();
    await started;
    expect(pidOf('one')).toBe(before);
  });

  it('stops everything, last first, and starts nothing again', async () => {
    const running = newSupervisor();
    await running.start(sleeper('one'));
    await running.start(sleeper('two'));
    const pids = [pidOf('one')!, pidOf('two')!];
    await running.stop();
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
    expect(last.every((component) => component.process === null)).toBe(true);
  });

  it('tells of a first start that fails', async () => {
    await expect(newSupervisor().start(sleeper('one', 1))).rejects.toThrow('not yet');
  });
});
