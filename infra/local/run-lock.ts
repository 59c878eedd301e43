/**
 * One `up` at a time in a state folder. The folder `lock` holds numbered files; the one of the highest number names the
 * process that holds the lock. A taker makes the next number, which only one process can; so a lock whose holder has been
 * killed is taken over by one, however many find it. Files are made with their content by a link: nobody reads half of one.
 */
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { identifyProcess, isAlive, type ProcessIdentity } from '../../tools/processes/process-identity';

const heldSchema = z.object({ pid: z.int(), startedAt: z.string(), released: z.boolean() });

type Held = z.infer<typeof heldSchema>;

/** What stands in one file of the folder; undefined when it has been cleared away meanwhile. */
function readHeld(path: string): Held | undefined {
  try {
    return heldSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function numbersIn(folder: string): number[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

const holds = (held: Held | undefined): held is Held => held !== undefined && !held.released && isAlive(held);

/** Makes a file with its whole content; false when there is one already. */
function makeWhole(folder: string, number: number, held: Held): boolean {
  const partial = join(folder, `partial.${process.pid}`);
  writeFileSync(partial, JSON.stringify(held), { mode: 0o600 });
  try {
    linkSync(partial, join(folder, String(number)));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(partial, { force: true });
  }
}

/** The living process that holds the lock of the folder; undefined when none does. */
export function lockHolder(folder: string): ProcessIdentity | undefined {
  const highest = numbersIn(folder).at(-1);
  const held = highest === undefined ? undefined : readHeld(join(folder, String(highest)));
  return holds(held) ? { pid: held.pid, startedAt: held.startedAt } : undefined;
}

type LockAttempt = { release: () => void } | { heldBy: ProcessIdentity };

/** Takes the lock of the folder for this process, or says who holds it; a holder that is dead holds nothing. */
export function takeLock(folder: string): LockAttempt {
  mkdirSync(folder, { recursive: true });
  const self = identifyProcess(process.pid) ?? { pid: process.pid, startedAt: '' };
  for (;;) {
    const highest = numbersIn(folder).at(-1) ?? 0;
    const holder = lockHolder(folder);
    if (holder) return { heldBy: holder };
    const mine = highest + 1;
    if (!makeWhole(folder, mine, { ...self, released: false })) continue;
    const path = join(folder, String(mine));
    const numbers = numbersIn(folder);
    if (numbers.at(-1) !== mine) {
      // Others have taken and left it since we looked, and cleared away the number that we then made.
      rmSync(path, { force: true });
      continue;
    }
    for (const number of numbers) if (number < mine) rmSync(join(folder, String(number)), { force: true });
    return { release: () => release(folder, mine, self) };
  }
}

/** The file stays: were it removed, a process that has just read its number could take the next beside one that begins anew. */
function release(folder: string, number: number, self: ProcessIdentity): void {
  const partial = join(folder, `partial.${process.pid}`);
  writeFileSync(partial, JSON.stringify({ ...self, released: true }), { mode: 0o600 });
  renameSync(partial, join(folder, String(number)));
}
