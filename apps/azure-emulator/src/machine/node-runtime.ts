/**
 * The Node runtime of machines. Their image has it at /usr/bin/node; here it is the emulator's own binary, or a copy of it
 * when the user that a service runs as may not enter the folder where that binary lies.
 */
import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Account } from './accounts';

const run = promisify(execFile);

/** Where images keep Node. */
export const NODE_PATHS: readonly string[] = ['/usr/bin/node', '/bin/node', '/usr/local/bin/node'];

const PROBE_TIMEOUT_MS = 20_000;

/** Ends well only for a user who can pass through the folder. */
const ENTER_FOLDER = "require('node:fs').statSync(process.argv[1] + '/.')";

/** Finds, for each user, a Node binary that this user can run. */
export class NodeRuntime {
  readonly #binary: string;
  readonly #machinesFolder: string;
  readonly #found = new Map<number | undefined, Promise<string>>();

  /** `machinesFolder` is where machines and, if need be, the copy of `binary` lie. */
  constructor(machinesFolder: string, binary: string = process.execPath) {
    this.#machinesFolder = machinesFolder;
    this.#binary = binary;
  }

  /** The path of a Node binary for `account`. Rejects with a sentence when that user can reach neither it nor the machines. */
  pathFor(account: Account): Promise<string> {
    const known = this.#found.get(account.uid) ?? this.#find(account);
    this.#found.set(account.uid, known);
    // A failure is not kept: the folder's mode may be mended while the emulator runs.
    known.catch(() => this.#found.delete(account.uid));
    return known;
  }

  async #find(account: Account): Promise<string> {
    if (await this.#runs(this.#binary, account)) return this.#binary;
    const copy = this.#copy();
    if (await this.#runs(copy, account)) return copy;
    throw new Error(
      `The user ${account.name} (uid ${account.uid ?? 'own'}) cannot enter ${this.#machinesFolder}: one of its parent folders is closed ` +
        'to other users. Move EMULATOR_STATE_FOLDER to a folder that everyone may pass, or open the parents with "chmod o+x".',
    );
  }

  async #runs(binary: string, { uid, gid }: Account): Promise<boolean> {
    const ids = uid === undefined ? {} : { uid, gid };
    try {
      // Entering as the working folder would prove nothing: that is done before the user is changed.
      await run(binary, ['--eval', ENTER_FOLDER, this.#machinesFolder], { cwd: '/', timeout: PROBE_TIMEOUT_MS, ...ids });
      return true;
    } catch {
      return false;
    }
  }

  #copy(): string {
    const folder = join(this.#machinesFolder, '.runtime');
    const copy = join(folder, `node-${process.version}`);
    if (existsSync(copy)) return copy;
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
    const written = `${copy}.${process.pid}`;
    copyFileSync(this.#binary, written);
    chmodSync(written, 0o755);
    renameSync(written, copy);
    return copy;
  }
}
