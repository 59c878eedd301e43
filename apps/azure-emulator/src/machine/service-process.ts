/** Starts the main process of a service so that it outlives the emulator: own session, output to a file, nothing held open. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Account } from './accounts';

/** The output of a service is put aside when it has grown beyond this, at its next start. */
const JOURNAL_LIMIT_BYTES = 8 * 1024 * 1024;

export interface ProcessStart {
  readonly program: string;
  readonly parameters: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly account: Account;
  /** File-mode mask of the process. */
  readonly mask: number;
  readonly journalFile: string;
}

/** How a process ended; undefined for one that was taken over from an earlier emulator, whose end cannot be read. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

function openJournal(file: string): number {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  if (existsSync(file) && statSync(file).size > JOURNAL_LIMIT_BYTES) renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
}

/** Resolves with the running child and its end. Rejects when the program cannot be executed. */
export async function startProcess(start: ProcessStart): Promise<{ child: ChildProcess; exited: Promise<ProcessExit> }> {
  const journal = openJournal(start.journalFile);
  // The mask belongs to the process that forks; forking is synchronous, so nothing else can see the changed one.
  const ownMask = process.umask(start.mask);
  try {
    const { uid, gid } = start.account;
    const child = spawn(start.program, start.parameters, {
      cwd: start.folder,
      env: { ...start.environment },
      detached: true,
      stdio: ['ignore', journal, journal],
      ...(uid === undefined ? {} : { uid, gid }),
    });
    const exited = new Promise<ProcessExit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    const spawned = new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    process.umask(ownMask);
    await spawned;
    child.unref();
    return { child, exited };
  } finally {
    process.umask(ownMask);
    closeSync(journal);
  }
}
