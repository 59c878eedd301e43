import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { ensureFolder } from './atomic-file';

/** Where tasks keep what they need only while they run. An agent that was killed leaves something here; the next one removes it. */
export class WorkFolder {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Ends programs that an earlier run of the agent left here, and removes their files. */
  async clear(): Promise<void> {
    await ensureFolder(this.#path, 0o700);
    for (const pid of await processesIn(this.#path)) kill(pid);
    for (const name of await readdir(this.#path))
      await rm(join(this.#path, name), { recursive: true, force: true, maxRetries: 10 });
  }

  /** Gives `work` an empty folder (0700) that is gone when it has ended, well or badly. */
  async with<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
    await ensureFolder(this.#path, 0o700);
    const folder = await mkdtemp(join(this.#path, 'task-'));
    try {
      return await work(folder);
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    }
  }
}

/** Programs whose working folder is below this one. */
async function processesIn(folder: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await readdir('/proc')).map(Number).filter(Number.isInteger)) {
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    if (cwd.startsWith(folder + sep)) found.push(pid);
  }
  return found;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
