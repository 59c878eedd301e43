/** Processes of an earlier run: those it wrote down, and machines of its emulator. */
import { readdirSync, readlinkSync, realpathSync } from 'node:fs';
import {
  identifyProcess,
  isAlive,
  signalProcess,
  waitForEnd,
  type ProcessIdentity,
} from '../../tools/processes/process-identity';
import type { LocalFolders } from './folders';
import { readState, writeState } from './state-file';

const linkOf = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
};

/** Processes that work inside the runtime folder: what the machines of the emulator run. */
function processesInside(folder: string): ProcessIdentity[] {
  let inside: string;
  try {
    inside = `${realpathSync(folder)}/`;
  } catch {
    return [];
  }
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((name) => {
    const pid = Number(name);
    if (pid === process.pid || !linkOf(`/proc/${name}/cwd`).startsWith(inside)) return [];
    return identifyProcess(pid) ?? [];
  });
}

async function end(identity: ProcessIdentity, signal: NodeJS.Signals, within: number): Promise<void> {
  signalProcess(identity, signal);
  if (await waitForEnd(identity, within)) return;
  signalProcess(identity, 'SIGKILL');
  await waitForEnd(identity, 5000);
}

/** Ends what an earlier run left behind, last started first, and nothing else. Gives how many processes that were. */
export async function stopLeftovers(folders: LocalFolders): Promise<number> {
  let ended = 0;
  const state = readState(folders.stateFile);
  for (const component of state?.components.toReversed() ?? []) {
    if (component.process === null || !isAlive(component.process)) continue;
    ended += 1;
    await end(component.process, component.stopSignal, component.name === 'azure-emulator' ? 60_000 : 15_000);
  }
  const machines = processesInside(folders.runtime);
  await Promise.all(machines.map((identity) => end(identity, 'SIGTERM', 5000)));
  if (state) writeState(folders.stateFile, { ...state, state: 'stopped', components: [] });
  return ended + machines.length;
}
