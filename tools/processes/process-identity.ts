import { readFileSync } from 'node:fs';

/** A process that is known again even if its pid has been given to another since. */
export interface ProcessIdentity {
  pid: number;
  /** Start of the process in clock ticks since boot, as the kernel counts it; empty where the system does not tell. */
  startedAt: string;
}

/** Field of /proc/<pid>/stat that holds the start time, counted from the one after the name. */
const START_TIME_FIELD = 19;
const STATE_FIELD = 0;
const TERMINAL_FIELD = 4;

function statFieldsOf(pid: number): string[] | undefined {
  try {
    // The name is in parentheses and may hold blanks, so the fields are counted from behind it.
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return undefined;
  }
}

/** The identity of the living process `pid`; undefined when there is none or only its exit code is left. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const fields = statFieldsOf(pid);
  if (!fields || fields[STATE_FIELD] === 'Z') return undefined;
  return { pid, startedAt: fields[START_TIME_FIELD] ?? '' };
}

/** Whether that very process still lives. */
export const isAlive = (identity: ProcessIdentity): boolean => identifyProcess(identity.pid)?.startedAt === identity.startedAt;

/** Sends a signal unless the process has ended meanwhile. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Waits until the process has ended; false when it has not within `milliseconds`. */
export async function waitForEnd(identity: ProcessIdentity, milliseconds: number): Promise<boolean> {
  const giveUpAt = performance.now() + milliseconds;
  while (isAlive(identity)) {
    if (performance.now() > giveUpAt) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}

/** Ends the process with `signal`, and with SIGKILL when it is still there after `within` milliseconds. */
export async function endProcess(identity: ProcessIdentity, signal: NodeJS.Signals, within: number): Promise<void> {
  signalProcess(identity, signal);
  if (await waitForEnd(identity, within)) return;
  signalProcess(identity, 'SIGKILL');
  await waitForEnd(identity, 5000);
}

/** Whether a process belongs to somebody's terminal; servers do not. */
export const hasTerminal = (pid: number): boolean => (statFieldsOf(pid)?.[TERMINAL_FIELD] ?? '0') !== '0';
