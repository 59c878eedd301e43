import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, open, readdir, rename, rm } from 'node:fs/promises';
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

/** Consul programs on the machine: named by their hash, checked before each use, brought from the gateway when missing. */
export class ConsulBinaries {
  readonly #folder: string;
  readonly #gatewayUrl: string;
  readonly #gatewayCaPem: string;
  readonly #log: Log;

  constructor(options: { folder: string; gatewayUrl: string; gatewayCaPem: string; log: Log }) {
    this.#folder = options.folder;
    this.#gatewayUrl = options.gatewayUrl;
    this.#gatewayCaPem = options.gatewayCaPem;
    this.#log = options.log;
  }

  /** The hash of the program that a desired state asks this machine to run. Throws `ApplyError` `PlatformUnsupported`. */
  hashFor({ consul }: DesiredState): string {
    const platform = PLATFORMS[process.arch];
    const sha256 = platform && consul.sha256[platform];
    if (!sha256)
      throw new ApplyError(
        'PlatformUnsupported',
        `There is no Consul ${consul.version} for ${process.platform}-${process.arch}.`,
      );
    return sha256;
  }

  /** The program with this hash, downloaded if need be. Throws `ApplyError` `ArtifactMismatch` or `DownloadFailed`; what does not match is never kept. */
  async ensure(sha256: string, version: string, signal: AbortSignal): Promise<ConsulBinary> {
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

  /** Whether the program is there and still has the bytes of its hash. */
  async isIntact(binary: ConsulBinary): Promise<boolean> {
    const hash = createHash('sha256');
    try {
      await pipeline(createReadStream(binary.path), hash);
    } catch {
      return false;
    }
    return hash.digest('hex') === binary.sha256;
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
      await makeDurable(unfinished);
      await chmod(unfinished, 0o555);
      await rename(unfinished, this.#pathOf(sha256));
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

async function makeDurable(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
