/** Processes of an earlier run: those it wrote down, and machines of its emulator. */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { MACHINE_MARKER } from '../../apps/azure-emulator/src/machine/process-table';
import { endProcess, identifyProcess, isAlive, type ProcessIdentity } from '../../tools/processes/process-identity';
import type { LocalFolders } from './folders';
import { readState, writeState } from './state-file';

/** What `read` gives, or `otherwise` when the file or the process has gone, or is none of ours to look at. */
function unlessGone<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

/** The machine that a process says it belongs to: each that the emulator starts carries its id in the environment. */
function machineOf(pid: number): string | undefined {
  const prefix = `${MACHINE_MARKER}=`;
  const environment = unlessGone(() => readFileSync(`/proc/${pid}/environ`, 'utf8'), '').split('\0');
  return environment.find((entry) => entry.startsWith(prefix))?.slice(prefix.length);
}

/**
 * Processes that only this copy can have started: they run a program that lies in its runtime folder (as Consul does, which
 * its agent starts with an environment of its own), or carry the id of one of its machines. Where a process works says
 * nothing about whose it is: a user may have changed to that folder.
 */
function processesOf(folders: LocalFolders): ProcessIdentity[] {
  const runtime = unlessGone(() => realpathSync(folders.runtime), undefined);
  if (runtime === undefined) return [];
  const machines = new Set(unlessGone(() => readdirSync(join(runtime, 'azure-emulator/machines')), []));
  const isOurs = (pid: number): boolean => {
    // The kernel names programs by their real path, whatever links led there.
    if (unlessGone(() => readlinkSync(`/proc/${pid}/exe`), '').startsWith(`${runtime}/`)) return true;
    const machine = machineOf(pid);
    return machine !== undefined && machines.has(machine);
  };
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids
    .map(Number)
    .filter((pid) => pid !== process.pid && isOurs(pid))
    .flatMap((pid) => identifyProcess(pid) ?? []);
}

/** Ends what an earlier run left behind, last started first, and nothing else. Gives how many processes that were. */
export async function stopLeftovers(folders: LocalFolders): Promise<number> {
  let ended = 0;
  const state = readState(folders.stateFile);
  for (const component of state?.components.toReversed() ?? []) {
    if (component.process === null || !isAlive(component.process)) continue;
    ended += 1;
    await endProcess(component.process, component.stopSignal, component.name === 'azure-emulator' ? 60_000 : 15_000);
  }
  const others = processesOf(folders);
  await Promise.all(others.map((identity) => endProcess(identity, 'SIGTERM', 5000)));
  if (state) writeState(folders.stateFile, { ...state, state: 'stopped', components: [] });
  return ended + others.length;
}
