/**
 * What a run of the tests has started, known by the folder in which it keeps everything that it makes: servers have groups and
 * environments of their own, so a runner that is told to stop, or breaks, takes none of them with it.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { endProcess, hasTerminal, identifyProcess, type ProcessIdentity } from '../processes/process-identity';
import { traversableTemporaryFolder } from '../processes/traversable-folder';

/** PostgreSQL waits for its clients, Azure shuts down its machines. */
const STOP_WITHIN = 15_000;
/** Those that start others again are told to stop in the first. */
const ROUNDS = 10;
/** A shell remembers in these where its user has been, which says nothing about whose it is. */
const PLACES_OF_A_SHELL = /^(PWD|OLDPWD|_)=/;

function unlessGone<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read();
  } catch {
    return otherwise; // The process has ended meanwhile, or the system has no such folder.
  }
}

/** Whether a process runs a program of the folder, was told of it, or is a server that works in it. */
function belongsTo(folder: string, pid: number): boolean {
  const isInside = (path: string): boolean => path === folder || path.startsWith(`${folder}/`);
  const listOf = (file: string) => unlessGone(() => readFileSync(`/proc/${pid}/${file}`, 'utf8'), '').split('\0');
  const linkOf = (file: string) => unlessGone(() => readlinkSync(`/proc/${pid}/${file}`), '');
  if (isInside(linkOf('exe'))) return true;
  if (listOf('environ').some((entry) => entry.includes(folder) && !PLACES_OF_A_SHELL.test(entry))) return true;
  // A user may look at a log in the folder, or have changed to it; servers have no terminal.
  return !hasTerminal(pid) && (isInside(linkOf('cwd')) || listOf('cmdline').some((argument) => argument.includes(folder)));
}

/** The processes of the run that keeps its files in `folder`, without this one. */
export function processesOfRun(folder: string): ProcessIdentity[] {
  return unlessGone(() => readdirSync('/proc'), [])
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && belongsTo(folder, pid))
    .flatMap((pid) => identifyProcess(pid) ?? []);
}

/** Makes the folder of a new run; with it as `TMPDIR`, everything that tests make lies there. */
export function makeRunFolder(): string {
  const folder = mkdtempSync(join(realpathSync(traversableTemporaryFolder()), 'managed-consul-test-'));
  // PostgreSQL and machines may run as other users, who must get to their folders.
  chmodSync(folder, 0o755);
  return folder;
}

/** Ends what is left of a run, and removes its folder. Gives how many processes that were. */
export async function endRun(folder: string): Promise<number> {
  let ended = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const left = processesOfRun(folder);
    if (left.length === 0) break;
    ended += left.length;
    await Promise.all(left.map((identity) => endProcess(identity, 'SIGTERM', STOP_WITHIN)));
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  return ended;
}
