/**
 * The processes of machines, found through `/proc`: by an environment marker that every child inherits, so that those
 * which left their process group (a daemon, a detached Consul) are found too, and by an executable that lies on the
 * machine's own disk. A pid alone is never trusted: with its start time and the host's boot it names one process for ever.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Environment variable that carries the id of the machine in each of its processes. */
export const MACHINE_MARKER = 'EMULATED_MACHINE_ID';
/** Environment variable that carries the unit which started the process. */
export const UNIT_MARKER = 'EMULATED_UNIT';

/** One process for ever: pids are reused, but not with the same start time in the same boot of the host. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startedAtTicks: string;
  readonly bootId: string;
}

interface ProcessStat {
  readonly state: string;
  readonly startedAtTicks: string;
}

/** How long a killed process may take to leave the table before it is an error. */
const KILL_DEADLINE_MS = 10_000;
const KILL_POLL_MS = 15;

/** Changes whenever the host boots. */
export const hostBootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

function readStat(pid: number): ProcessStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command stands in parentheses and may hold blanks; field 3 (state) follows the last one, field 22 is the start time.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', startedAtTicks: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

/** The lasting identity of a living process, or undefined when there is none of that pid (a zombie counts as none). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  if (!stat || stat.state === 'Z' || stat.state === 'X') return undefined;
  return { pid, startedAtTicks: stat.startedAtTicks, bootId: hostBootId() };
}

/** Whether exactly this process still lives. */
export function isAlive(process: ProcessIdentity): boolean {
  const now = identifyProcess(process.pid);
  return now !== undefined && now.startedAtTicks === process.startedAtTicks && now.bootId === process.bootId;
}

function readEnvironment(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function executableOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}

const livingPids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/**
 * Pids of the living processes that carry every one of `markers` (name → value) in their environment. Processes of other
 * users are seen only by root, which is the only user that can have started them.
 */
export function findMarkedProcesses(markers: Readonly<Record<string, string>>): number[] {
  const wanted = Object.entries(markers).map(([name, value]) => `${name}=${value}`);
  return livingPids().filter((pid) => {
    if (pid === process.pid) return false;
    const environment = readEnvironment(pid);
    return wanted.every((entry) => environment.includes(entry)) && identifyProcess(pid) !== undefined;
  });
}

/** Pids of everything that a machine ever started and that still lives. `folder` is where its disk is kept. */
export function findMachineProcesses(machineId: string, folder: string): number[] {
  const marked = findMarkedProcesses({ [MACHINE_MARKER]: machineId });
  // The kernel names executables by their real path, whatever links led there.
  const disk = existsSync(folder) ? `${realpathSync(folder)}/root/` : `${folder}/root/`;
  const fromDisk = livingPids().filter((pid) => pid !== process.pid && executableOf(pid).startsWith(disk));
  return [...new Set([...marked, ...fromDisk.filter((pid) => identifyProcess(pid) !== undefined)])];
}

/** The oldest of `pids` by start time: the main process of a start, which its children cannot precede. */
export function oldestProcess(pids: readonly number[]): ProcessIdentity | undefined {
  return identifyAll(pids).sort((a, b) => Number(a.startedAtTicks) - Number(b.startedAtTicks) || a.pid - b.pid)[0];
}

/** Sends a signal; a process that is already gone is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Resolves with true as soon as `isDone` holds, with false after `limitMs`. */
export async function waitUntil(isDone: () => boolean, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (!isDone()) {
    if (performance.now() >= deadline) return false;
    await delay(KILL_POLL_MS);
  }
  return true;
}

/** The lasting identities of those of `pids` that live. */
export const identifyAll = (pids: readonly number[]): ProcessIdentity[] =>
  pids.map(identifyProcess).filter((identity) => identity !== undefined);

/**
 * Kills what `find` gives until it gives nothing, so that a child forked between look and kill is met by the next look, and
 * until all that it ever gave are gone: a dying process loses its environment, by which it is found, before its pid.
 * Rejects when something cannot be killed within ten seconds.
 */
export async function killUntilNone(find: () => number[]): Promise<void> {
  const killed = new Map<number, ProcessIdentity>();
  const gone = await waitUntil(() => {
    const found = identifyAll(find());
    for (const identity of found) {
      killed.set(identity.pid, identity);
      signalProcess(identity.pid, 'SIGKILL');
    }
    return found.length === 0 && ![...killed.values()].some(isAlive);
  }, KILL_DEADLINE_MS);
  if (gone) return;
  throw new Error(
    `Processes ${[...killed.keys()].join(', ')} were killed but did not end within ${KILL_DEADLINE_MS / 1000} seconds.`,
  );
}
