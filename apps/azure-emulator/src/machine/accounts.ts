/**
 * Under which user of this host a machine's files and services belong. As root the emulator can give services a user of
 * their own, as a machine would; as anyone else it can only use itself.
 */
import { readFileSync } from 'node:fs';

/** `uid` and `gid` are undefined when ownership is left as it is: the emulator is not root. */
export interface Account {
  readonly name: string;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** Accounts that every supported Linux image has before cloud-config makes any. */
const IMAGE_ACCOUNTS = ['root', 'daemon', 'bin', 'sys', 'nobody', 'www-data', 'syslog', 'systemd-network', 'systemd-resolve'];

/** Finds host users for the accounts of machines. */
export class Accounts {
  readonly #serviceUid: number;
  readonly #isRoot: boolean;

  /** `serviceUid`: user and group for accounts that this host does not have. */
  constructor(serviceUid: number, isRoot: boolean = process.getuid?.() === 0) {
    this.#serviceUid = serviceUid;
    this.#isRoot = isRoot;
  }

  /** Whether the machine has that account: from its image, made by cloud-config, or a bare number. */
  static exists(name: string, made: readonly string[]): boolean {
    return /^\d+$/.test(name) || IMAGE_ACCOUNTS.includes(name) || made.includes(name);
  }

  /** The host user for an account name or number of a machine. */
  resolve(name: string): Account {
    if (!this.#isRoot) return { name, uid: undefined, gid: undefined };
    if (name === 'root' || name === '0') return { name, uid: 0, gid: 0 };
    if (/^\d+$/.test(name)) return { name, uid: Number(name), gid: Number(name) };
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((text) => text.split(':'))
      .find(([account]) => account === name);
    if (line?.[2] && line[3]) return { name, uid: Number(line[2]), gid: Number(line[3]) };
    return { name, uid: this.#serviceUid, gid: this.#serviceUid };
  }
}
