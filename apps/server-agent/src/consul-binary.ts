import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, readdir, rename, rm, stat } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import type { IncomingMessage } from 'node:http';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ConsulPlatform, DesiredState } from '@managed-consul/agent-protocol';
import { minutes, seconds } from '@managed-consul/config';
import { ApplyError } from './apply-error';
import { Backoff } from './backoff';
import type { Log } from './log';

const ANSWER_TIMEOUT = seconds(30);
const DOWNLOAD_TIMEOUT = minutes(10);
const LARGEST_BINARY_BYTES = 1024 * 1024 * 1024;
const DOWNLOAD_TRIES = 5;

/** A Consul program on this machine whose bytes were checked. */
export interface ConsulBinary {
  path: string;
  sha256: string;
  version: string;
}

const PLATFORMS: Record<string, ConsulPlatform> = { x64: 'linux-amd64', arm64: 'linux-arm64' };

const forThisMachine = (sha256s: DesiredState['consul']['sha256']): string | undefined => {
  const platform = PLATFORMS[process.arch];
  return platform && sha256s[platform];
};

/** Consul programs on the machine: named by their hash, checked before each use, brought from the gateway when missing. */
export class ConsulBinaries {
  readonly #folder: string;
  readonly #gatewayUrl: string;
  readonly #gatewayCaPem: string;
  readonly #log: Log;
  readonly #checked = new Map<string, string>();
  #early: Promise<void> | undefined;

  constructor(options: { folder: string; gatewayUrl: string; gatewayCaPem: string; log: Log }) {
    this.#folder = options.folder;
    this.#gatewayUrl = options.gatewayUrl;
    this.#gatewayCaPem = options.gatewayCaPem;
    this.#log = options.log;
  }

  /** The hash of the program for this machine. Throws `ApplyError` `PlatformUnsupported`. */
  hashFor({ consul }: Pick<DesiredState, 'consul'>): string {
    const sha256 = forThisMachine(consul.sha256);
    if (!sha256)
      throw new ApplyError(
        'PlatformUnsupported',
        `There is no Consul ${consul.version} for ${process.platform}-${process.arch}.`,
      );
    return sha256;
  }

  /**
   * Begins to download the program that the machine will be asked to run, while it still starts. Only a head start: what goes
   * wrong here is tried again, and told, when the program is asked for.
   */
  fetchEarly(sha256s: DesiredState['consul']['sha256'], signal: AbortSignal): void {
    const sha256 = forThisMachine(sha256s);
    if (sha256 === undefined || this.#early) return;
    this.#early = this.#bring(sha256, 'for later', signal).then(
      () => undefined,
      (error: unknown) => this.#log.warn({ error, sha256 }, 'Consul could not be downloaded early'),
    );
  }

  /** The program with this hash, downloaded if need be. Throws `ApplyError` `ArtifactMismatch` or `DownloadFailed`; what does not match is never kept. */
  async ensure(sha256: string, version: string, signal: AbortSignal): Promise<ConsulBinary> {
    await Promise.race([this.#early, aborted(signal)]);
    signal.throwIfAborted();
    return this.#bring(sha256, version, signal);
  }

  async #bring(sha256: string, version: string, signal: AbortSignal): Promise<ConsulBinary> {
    const binary = { path: this.#pathOf(sha256), sha256, version };
    if (await this.isIntact(binary)) return binary;
    const backoff = new Backoff(500);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#download(sha256, signal);
        return binary;
      } catch (error) {
        if (error instanceof ApplyError) throw error;
        signal.throwIfAborted();
        if (attempt === DOWNLOAD_TRIES)
          throw new ApplyError('DownloadFailed', `Consul ${version} could not be downloaded.`, error);
        this.#log.warn({ error, sha256 }, 'The download of Consul is tried again');
        await backoff.wait(signal);
      }
    }
  }

  /** Whether the program is there and still has the bytes of its hash. What this process has read and nobody touched is not read again. */
  async isIntact(binary: ConsulBinary): Promise<boolean> {
    const hash = createHash('sha256');
    try {
      const fingerprint = await fingerprintOf(binary.path);
      if (this.#checked.get(binary.sha256) === fingerprint) return true;
      await pipeline(createReadStream(binary.path), hash);
      if (hash.digest('hex') !== binary.sha256) return false;
      this.#checked.set(binary.sha256, fingerprint);
      return true;
    } catch {
      return false;
    }
  }

  /** Removes programs that no one here needs any more. */
  async keepOnly(sha256s: readonly string[]): Promise<void> {
    const kept = new Set(sha256s.map((sha256) => this.#pathOf(sha256)));
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      if (!kept.has(path)) await rm(path, { force: true });
    }
  }

  #pathOf(sha256: string): string {
    return join(this.#folder, `consul-${sha256}`);
  }

  async #download(sha256: string, signal: AbortSignal): Promise<void> {
    const unfinished = `${this.#pathOf(sha256)}.part`;
    await rm(unfinished, { force: true });
    const hash = createHash('sha256');
    let size = 0;
    const check = new Transform({
      transform(part: Buffer, _encoding, done) {
        size += part.length;
        hash.update(part);
        done(
          size > LARGEST_BINARY_BYTES ? new ApplyError('ArtifactMismatch', 'The download is larger than any Consul.') : null,
          part,
        );
      },
    });
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT)]);
      await pipeline(await this.#request(sha256, limit), check, createWriteStream(unfinished, { mode: 0o400 }), {
        signal: limit,
      });
      if (hash.digest('hex') !== sha256) {
        throw new ApplyError('ArtifactMismatch', `The download does not have the SHA-256 ${sha256}; it was deleted and not run.`);
      }
      // Not forced to the disk: that would hold up Consul's own small writes, and what a power cut damages is found by its hash.
      await chmod(unfinished, 0o555);
      await rename(unfinished, this.#pathOf(sha256));
      this.#checked.set(sha256, await fingerprintOf(this.#pathOf(sha256)));
    } finally {
      await rm(unfinished, { force: true });
    }
  }

  #request(sha256: string, signal: AbortSignal): Promise<IncomingMessage> {
    const url = new URL(`/artifacts/${sha256}`, this.#gatewayUrl);
    return new Promise((resolve, reject) => {
      const request = get(url, { ca: this.#gatewayCaPem, agent: false, signal, timeout: ANSWER_TIMEOUT }, (answer) => {
        if (answer.statusCode === 200) {
          resolve(answer);
          return;
        }
        answer.resume();
        reject(new Error(`The gateway answered ${answer.statusCode} to the download.`));
      });
      request.once('timeout', () => request.destroy(new Error('The download stands still.')));
      request.once('error', reject);
    });
  }
}

/** Changes whenever somebody writes to the file, puts another in its place, or touches its mode or times. */
async function fingerprintOf(path: string): Promise<string> {
  const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return [ino, size, mtimeNs, ctimeNs].join('-');
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
