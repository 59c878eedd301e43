import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findProgram } from '../../tools/processes/find-program';
import { identifyProcess } from '../../tools/processes/process-identity';
import { stopProcess } from '../../tools/processes/stop-process';
import { traversableTemporaryFolder } from '../../tools/processes/traversable-folder';
import { foldersOf, makeFolders, type LocalFolders } from './folders';
import { stopLeftovers } from './leftovers';
import { readState, writeState, type LocalState } from './state-file';

const MACHINE = '7f0c1a52-6a3e-4d9b-9c55-0a1b2c3d4e5f';
const ANOTHER_COPYS_MACHINE = '00000000-6a3e-4d9b-9c55-0a1b2c3d4e5f';

let folders: LocalFolders;
let started: ChildProcess[] = [];

beforeEach(() => {
  const stateFolder = mkdtempSync(join(traversableTemporaryFolder(), 'managed-consul-leftovers-'));
  makeFolders(stateFolder);
  folders = foldersOf(stateFolder);
  mkdirSync(join(folders.runtime, 'azure-emulator/machines', MACHINE), { recursive: true });
});
afterEach(async () => {
  for (const child of started) await stopProcess(child, 'SIGKILL');
  started = [];
  rmSync(folders.runtime, { recursive: true, force: true });
  rmSync(folders.state, { recursive: true, force: true });
});

const sleepProgram = (): string => findProgram(['sleep'])!;

async function sleeperIn(
  folder: string,
  program = sleepProgram(),
  environment: Record<string, string> = {},
): Promise<ChildProcess> {
  const child = spawn(program, ['1000'], { cwd: folder, env: environment, stdio: 'ignore' });
  started.push(child);
  await once(child, 'spawn');
  return child;
}

const lives = (child: ChildProcess): boolean => identifyProcess(child.pid!) !== undefined;

const stateWith = (component: ChildProcess): LocalState => ({
  state: 'starting',
  supervisor: { pid: 1, startedAt: 'of a dead up' },
  components: [
    {
      name: 'worker',
      process: identifyProcess(component.pid!)!,
      stopSignal: 'SIGTERM',
      port: null,
      otherPorts: {},
      log: '',
      restarts: 0,
    },
  ],
  installationId: null,
  cluster: null,
  place: { portBase: 18000, machineAddresses: '127.10.0.0/16' },
});

it("leaves a user's own process alone that works in the runtime folder", async () => {
  const shell = await sleeperIn(folders.runtime);
  expect(await stopLeftovers(folders)).toBe(0);
  expect(lives(shell)).toBe(true);
});

it('ends what carries the id of one of its machines, wherever it works', async () => {
  const agent = await sleeperIn('/', sleepProgram(), { EMULATED_MACHINE_ID: MACHINE });
  expect(await stopLeftovers(folders)).toBe(1);
  expect(lives(agent)).toBe(false);
});

it('leaves the machines of another copy alone', async () => {
  const agent = await sleeperIn(folders.runtime, sleepProgram(), { EMULATED_MACHINE_ID: ANOTHER_COPYS_MACHINE });
  expect(await stopLeftovers(folders)).toBe(0);
  expect(lives(agent)).toBe(true);
});

it('ends a program of a machine that was started without its environment', async () => {
  const program = join(folders.runtime, 'azure-emulator/machines', MACHINE, 'sleep');
  copyFileSync(sleepProgram(), program);
  const consul = await sleeperIn('/', program);
  expect(await stopLeftovers(folders)).toBe(1);
  expect(lives(consul)).toBe(false);
});

it('ends what a killed up had written down, and writes that it is stopped', async () => {
  const worker = await sleeperIn('/');
  writeState(folders.stateFile, stateWith(worker));
  expect(await stopLeftovers(folders)).toBe(1);
  expect(lives(worker)).toBe(false);
  expect(readState(folders.stateFile)).toMatchObject({ state: 'stopped', components: [] });
});

it('leaves a process alone that has got the pid of one written down', async () => {
  const stranger = await sleeperIn('/');
  const state = stateWith(stranger);
  state.components[0]!.process = { pid: stranger.pid!, startedAt: '1' };
  writeState(folders.stateFile, state);
  expect(await stopLeftovers(folders)).toBe(0);
  expect(lives(stranger)).toBe(true);
});
