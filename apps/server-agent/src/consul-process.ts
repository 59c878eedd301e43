import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { seconds } from '@managed-consul/config';
import { z } from 'zod';
import { readFileIfThere, writeFileAtomically } from './atomic-file';
import type { ConsulBinary } from './consul-binary';
import { CONSUL_PATHS, type ConsulFolder, type LoadedHashes } from './consul-folder';

const recordSchema = z.object({
  pid: z.number().int(),
  /** With the pid it names one process for ever: see `birthOf`. */
  birth: z.string(),
  startedAt: z.iso.datetime(),
  version: z.string(),
  binarySha256: z.string(),
  restart: z.string(),
  loaded: z.string(),
});
/** The Consul process that the agent started, and what it has loaded. */
export type ConsulRecord = z.infer<typeof recordSchema>;

const STOP_TIMEOUT = seconds(15);
const LOOK_INTERVAL = 50;

/** Starts, finds again, reloads and stops the machine's Consul. The process is not the agent's child in any way that ends with it. */
export class ConsulProcess {
  readonly #folder: ConsulFolder;
  readonly #recordPath: string;
  #record: ConsulRecord | undefined;

  constructor(folder: ConsulFolder, agentFolder: string) {
    this.#folder = folder;
    this.#recordPath = join(agentFolder, 'consul-process.json');
  }

  /** The running Consul; undefined when there is none. */
  async find(): Promise<ConsulRecord | undefined> {
    this.#record ??= await this.#readRecord();
    if (!this.#record) return undefined;
    return (await birthOf(this.#record.pid)) === this.#record.birth ? this.#record : undefined;
  }

  /** Starts Consul in its folder with nothing of the agent's environment. */
  async start(binary: ConsulBinary, hashes: LoadedHashes): Promise<ConsulRecord> {
    await this.#endStrays();
    const output = await open(this.#folder.at(CONSUL_PATHS.log), 'a', 0o600);
    try {
      const child = spawn(binary.path, ['agent', `-config-file=${CONSUL_PATHS.configuration}`], {
        cwd: this.#folder.path,
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
        detached: true,
        stdio: ['ignore', output.fd, output.fd],
      });
      await once(child, 'spawn');
      child.on('error', () => undefined);
      child.unref();
      return await this.#keep(child.pid ?? 0, binary, hashes);
    } finally {
      await output.close();
    }
  }

  /** Makes Consul read its reloadable configuration and certificates again. */
  async reload(record: ConsulRecord, hashes: LoadedHashes): Promise<void> {
    process.kill(record.pid, 'SIGHUP');
    await this.#store({ ...record, ...hashes });
  }

  /** Stops Consul: SIGTERM, and SIGKILL for one that does not go. Fine when none runs. */
  async stop(): Promise<void> {
    const record = await this.find();
    if (record) {
      process.kill(record.pid, 'SIGTERM');
      if (!(await this.#isGoneWithin(record, STOP_TIMEOUT))) {
        process.kill(record.pid, 'SIGKILL');
        await this.#isGoneWithin(record, STOP_TIMEOUT);
      }
    }
    this.#record = undefined;
    await rm(this.#recordPath, { force: true });
  }

  /** An agent that died between starting Consul and writing that down leaves one that nobody knows; it would hold the ports. */
  async #endStrays(): Promise<void> {
    for (const name of await readdir('/proc')) {
      const pid = Number(name);
      if (!Number.isInteger(pid) || !(await this.#isOurs(pid))) continue;
      const birth = await birthOf(pid);
      if (birth === undefined) continue;
      process.kill(pid, 'SIGKILL');
      await this.#isGoneWithin({ pid, birth }, STOP_TIMEOUT);
    }
  }

  async #isOurs(pid: number): Promise<boolean> {
    try {
      const program = await readlink(`/proc/${pid}/exe`);
      return program.startsWith(this.#folder.at('bin') + sep) && (await readlink(`/proc/${pid}/cwd`)) === this.#folder.path;
    } catch {
      return false;
    }
  }

  async #isGoneWithin(record: Pick<ConsulRecord, 'pid' | 'birth'>, limit: number): Promise<boolean> {
    const end = Date.now() + limit;
    while (Date.now() < end) {
      if ((await birthOf(record.pid)) !== record.birth) return true;
      await wait(LOOK_INTERVAL);
    }
    return false;
  }

  async #keep(pid: number, binary: ConsulBinary, hashes: LoadedHashes): Promise<ConsulRecord> {
    const record = {
      pid,
      birth: (await birthOf(pid)) ?? 'ended',
      startedAt: new Date().toISOString(),
      version: binary.version,
      binarySha256: binary.sha256,
      ...hashes,
    };
    await this.#store(record);
    return record;
  }

  async #store(record: ConsulRecord): Promise<void> {
    this.#record = record;
    await writeFileAtomically(this.#recordPath, JSON.stringify(record), 0o600);
  }

  async #readRecord(): Promise<ConsulRecord | undefined> {
    const text = await readFileIfThere(this.#recordPath);
    const parsed = text === undefined ? undefined : recordSchema.safeParse(JSON.parse(text));
    return parsed?.data;
  }
}

/**
 * A process's birth: the machine's boot, and field 22 of its stat, its start in clock ticks since then (proc(5)).
 * Undefined when it is gone or only a zombie.
 */
async function birthOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The program's name is in brackets and may hold anything, so fields are counted from the last bracket: state is field 3.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (!fields || fields[0] === 'Z' || fields[0] === 'X') return undefined;
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  return `${boot.trim()}:${fields[19]}`;
}
