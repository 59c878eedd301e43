import { setTimeout as wait } from 'node:timers/promises';
import type { DesiredState } from '@managed-consul/agent-protocol';
import { seconds } from '@managed-consul/config';
import { ApplyError } from './apply-error';
import type { ConsulBinaries, ConsulBinary } from './consul-binary';
import { addressOf, consulShows, validateCandidate } from './consul-configuration';
import { CONSUL_PATHS, hashesOf, type ConsulFolder, type LoadedHashes } from './consul-folder';
import { lastErrorLine } from './consul-log';
import type { ConsulProcess, ConsulRecord } from './consul-process';
import { lacksToldGossipKey, mendGossipKeys } from './gossip-keys';
import type { Log } from './log';
import type { Launch, StateFile } from './state-file';

export interface DesiredStateApplierOptions {
  folder: ConsulFolder;
  files: StateFile;
  binaries: ConsulBinaries;
  process: ConsulProcess;
  allowRoot: boolean;
  log: Log;
}

const READY_TIMEOUT = seconds(60);
const LOOK_INTERVAL = 50;

/**
 * Makes this machine what a desired state says. Everything is looked at before it is changed, so applying the same state
 * again, or after a crash half way, ends the same; what is refused is refused before anything was changed.
 */
export class DesiredStateApplier {
  readonly #options: DesiredStateApplierOptions;

  constructor(options: DesiredStateApplierOptions) {
    this.#options = options;
  }

  /** Returns once the state is in force. Throws `ApplyError`, or the signal's reason when a newer state has come. */
  async apply(desired: DesiredState, signal: AbortSignal): Promise<void> {
    const { binaries, folder, process } = this.#options;
    if (!desired.running) return this.#stop(desired.endsByItself === true);
    this.#refuseRoot();
    addressOf(desired);
    const binary = await binaries.ensure(binaries.hashFor(desired), desired.consul.version, signal);
    const key = await folder.keyFor(desired);
    await folder.writeCandidate(desired);
    await validateCandidate(binary, folder, signal);
    signal.throwIfAborted();

    const hashes = hashesOf(desired, binary.sha256);
    await folder.install(desired, key);
    await this.#options.files.writeLaunch({
      hash: desired.hash,
      running: true,
      version: binary.version,
      binarySha256: binary.sha256,
      ...hashes,
    });
    await this.#bringUp(await process.find(), binary, hashes);
    await this.#consulIsUp(desired, signal);
    await binaries.keepOnly([binary.sha256]);
  }

  /** Starts a Consul that has died, from what is on the disk. Throws `ApplyError` when the program's bytes have changed. */
  async startAgain(launch: Launch): Promise<void> {
    this.#refuseRoot();
    const { binaries } = this.#options;
    const binary = await binaries.ensure(launch.binarySha256, launch.version, AbortSignal.timeout(READY_TIMEOUT));
    await this.#start(binary, launch);
  }

  async #start(binary: ConsulBinary, hashes: LoadedHashes): Promise<ConsulRecord> {
    const mended = await mendGossipKeys(this.#options.folder);
    if (mended.length > 0) this.#options.log.warn({ mended }, 'The gossip keys did not hold the one in force and were mended');
    return this.#options.process.start(binary, hashes);
  }

  /** Noted before it is stopped, so that nobody starts it again; one that leaves its cluster ends in its own time. */
  async #stop(endsByItself: boolean): Promise<void> {
    const launch = await this.#options.files.readLaunch();
    if (launch) await this.#options.files.writeLaunch({ ...launch, running: false });
    if (!endsByItself) await this.#options.process.stop();
  }

  async #bringUp(running: ConsulRecord | undefined, binary: ConsulBinary, hashes: LoadedHashes): Promise<void> {
    const { process, folder, log } = this.#options;
    if (running && running.restart === hashes.restart && !(await lacksToldGossipKey(folder))) {
      if (running.loaded === hashes.loaded) return;
      log.info({ pid: running.pid }, 'Consul reads its configuration again');
      return process.reload(running, hashes);
    }
    await process.stop();
    const { pid } = await this.#start(binary, hashes);
    log.info({ pid, version: binary.version }, 'Consul was started');
  }

  async #consulIsUp(desired: DesiredState, signal: AbortSignal): Promise<void> {
    const address = addressOf(desired);
    const end = Date.now() + READY_TIMEOUT;
    while (Date.now() < end) {
      if (!(await this.#options.process.find())) {
        const line = await lastErrorLine(this.#options.folder.at(CONSUL_PATHS.log));
        throw new ApplyError('ConsulDidNotStart', `Consul ended right after its start. Its log says: ${line}`);
      }
      if (await consulShows(desired.serverCertificate, address)) return;
      await wait(LOOK_INTERVAL, undefined, { signal });
    }
    throw new ApplyError(
      'ConsulDidNotStart',
      `Consul does not answer with its certificate on ${address.host}:${address.port} after ${READY_TIMEOUT / 1000} s.`,
    );
  }

  #refuseRoot(): void {
    if (process.getuid?.() === 0 && !this.#options.allowRoot) {
      throw new ApplyError(
        'RefusedAsRoot',
        'The agent runs as root and would start Consul as root; run it as a user of its own.',
      );
    }
  }
}
