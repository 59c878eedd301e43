import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { until } from '@managed-consul/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findProgram } from '../processes/find-program';
import { identifyProcess } from '../processes/process-identity';
import { stopProcess } from '../processes/stop-process';
import { endRun, makeRunFolder, processesOfRun } from './test-run';

const ROOT = resolve(import.meta.dirname, '../..');
const MINUTE = 60_000;

let folder: string;
let started: ChildProcess[] = [];

beforeEach(() => {
  folder = makeRunFolder();
});
afterEach(async () => {
  for (const child of started) await stopProcess(child, 'SIGKILL');
  started = [];
  await endRun(folder);
});

interface Start {
  program?: string;
  cwd?: string;
  env?: Record<string, string>;
}

async function sleeper({ program = findProgram(['sleep']) ?? '', cwd = '/', env = {} }: Start): Promise<ChildProcess> {
  const child = spawn(program, ['1000'], { cwd, env, stdio: 'ignore', detached: true });
  started.push(child);
  await once(child, 'spawn');
  return child;
}

const lives = ({ pid }: ChildProcess): boolean => identifyProcess(pid ?? 0) !== undefined;

it('a run that ends takes with it every server that it has started, whatever that was told, and its folder', async () => {
  const program = join(folder, 'consul');
  copyFileSync(findProgram(['sleep']) ?? '', program);
  mkdirSync(join(folder, 'data'));
  const servers = await Promise.all([
    sleeper({ env: { TMPDIR: folder } }),
    sleeper({ env: { STATE_DIRECTORY: join(folder, 'data') } }),
    sleeper({ cwd: join(folder, 'data') }),
    sleeper({ program }),
  ]);
  expect(await endRun(folder)).toBe(servers.length);
  expect(servers.some(lives)).toBe(false);
  expect(existsSync(folder)).toBe(false);
});

it('a run that ends leaves alone what belongs to another, and programs from a shell that has been in its folder', async () => {
  const other = await sleeper({ env: { TMPDIR: join(folder, '..') } });
  const fromShell = await sleeper({ env: { PWD: folder, OLDPWD: folder } });
  expect(await endRun(folder)).toBe(0);
  expect([other, fromShell].every(lives)).toBe(true);
});

function programOf(pid: number): string[] {
  try {
    return [readFileSync(`/proc/${pid}/comm`, 'utf8').trim()];
  } catch {
    return []; // It has ended meanwhile.
  }
}

it('Ctrl-C on a run of the tests leaves no server behind', { timeout: 4 * MINUTE }, async () => {
  const tests = 'apps/server-agent/src/tasks.integration.spec.ts';
  const run = spawn(process.execPath, ['--import', 'tsx', 'tools/hcs/main.ts', 'test', 'integration', tests], {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: folder },
    stdio: 'ignore',
  });
  started.push(run);
  const programs = () => processesOfRun(folder).flatMap(({ pid }) => programOf(pid));
  await until(async () => programs().some((name) => name.startsWith('consul')), {
    within: 3 * MINUTE,
    because: 'a test has started a Consul server',
  });
  expect(programs()).toEqual(expect.arrayContaining(['postgres', expect.stringMatching(/^(redis|valkey)-server$/)]));
  run.kill('SIGINT');
  const [exitCode] = (await once(run, 'exit')) as [number | null];
  expect(programs()).toEqual([]);
  expect(readdirSync(folder).filter((name) => name.startsWith('managed-consul'))).toEqual([]);
  expect(exitCode).toBe(130);
});
