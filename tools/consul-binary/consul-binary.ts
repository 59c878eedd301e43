/**
 * The Consul program that this project runs: found, or fetched and verified, once a machine. Order: `CONSUL_BIN`, the cache,
 * the PATH (the wanted version only), Debian's own package, the official release.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../processes/find-program';
import { runCommand } from '../processes/run-command';
import { fetchFromDebian } from './debian-package';
import { fetchOfficialRelease } from './official-release';

/** The last version that Debian carries; MPL-2.0, so it may be offered to anybody. */
export const CONSUL_VERSION = '1.8.7';

export interface ConsulBinary {
  path: string;
  version: string;
  /** Of the program file, lower-case hex; the name under which the gateway serves it. */
  sha256: string;
  source: 'CONSUL_BIN' | 'cache' | 'PATH' | 'debian' | 'release';
}

export interface ConsulBinaryOptions {
  environment?: Record<string, string | undefined>;
  say?: (line: string) => void;
}

const sha256Of = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** The processor as Debian and Consul's releases name it. */
function architecture(): string {
  if (process.arch === 'x64') return 'amd64';
  if (process.arch === 'arm64') return 'arm64';
  throw new Error(`Consul servers run on amd64 and arm64; this machine is ${process.arch}.`);
}

/** `linux-amd64`: the platform as the catalogue of Consul versions names it. */
export const consulPlatform = (): string => `${process.platform}-${architecture()}`;

/** What `consul version` says of itself: `1.8.7`. Throws when the program does not run. */
export async function versionOf(path: string): Promise<string> {
  const printed = await runCommand(path, ['version']);
  const version = /Consul v(\d+\.\d+\.\d+\S*)/.exec(printed)?.[1];
  if (version === undefined) throw new Error(`${path} does not print a Consul version.`);
  return version;
}

/** Folder for what is fetched once a machine; outside the clone, so that a second clone need not fetch again. */
export const cacheFolder = (environment: Record<string, string | undefined>): string =>
  join(environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'managed-consul');

/** The cached program, if its bytes still have the hash that was written beside it when it was verified. */
function findCached(folder: string): ConsulBinary | undefined {
  const path = join(folder, 'consul');
  const hashFile = join(folder, 'consul.sha256');
  if (!existsSync(path) || !existsSync(hashFile)) return undefined;
  const sha256 = readFileSync(hashFile, 'utf8').trim();
  return sha256Of(path) === sha256 ? { path, version: CONSUL_VERSION, sha256, source: 'cache' } : undefined;
}

async function describe(path: string, source: ConsulBinary['source']): Promise<ConsulBinary> {
  return { path, version: await versionOf(path), sha256: sha256Of(path), source };
}

/** Fetches into a scratch folder and moves the verified program into the cache in one rename. */
async function fetchInto(folder: string, say: (line: string) => void): Promise<ConsulBinary> {
  mkdirSync(folder, { recursive: true });
  const scratch = mkdtempSync(join(folder, 'fetching-'));
  const problems: string[] = [];
  try {
    const ways = [
      { source: 'debian' as const, fetch: fetchFromDebian },
      { source: 'release' as const, fetch: fetchOfficialRelease },
    ];
    for (const { source, fetch } of ways) {
      try {
        const fetched = await fetch({ scratch, version: CONSUL_VERSION, architecture: architecture(), say });
        const found = await describe(fetched, source);
        if (found.version !== CONSUL_VERSION) throw new Error(`it is version ${found.version}`);
        return keep(folder, scratch, found);
      } catch (error) {
        problems.push(`${source}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  throw new Error(
    `Consul ${CONSUL_VERSION} could not be fetched; set CONSUL_BIN to a Consul program. Tried ${problems.join('; ')}`,
  );
}

function keep(folder: string, scratch: string, found: ConsulBinary): ConsulBinary {
  const path = join(folder, 'consul');
  const ready = join(scratch, 'ready');
  copyFileSync(found.path, ready);
  chmodSync(ready, 0o755);
  writeFileSync(join(scratch, 'ready.sha256'), `${found.sha256}\n`);
  renameSync(ready, path);
  renameSync(join(scratch, 'ready.sha256'), join(folder, 'consul.sha256'));
  return { ...found, path };
}

/** Finds or fetches Consul. Safe to call from several processes at once: each rename is whole, and all bring the same bytes. */
export async function findConsulBinary(options: ConsulBinaryOptions = {}): Promise<ConsulBinary> {
  const environment = options.environment ?? process.env;
  const say = options.say ?? (() => undefined);
  const chosen = environment['CONSUL_BIN'];
  if (chosen !== undefined && chosen !== '') return describe(chosen, 'CONSUL_BIN');

  const folder = join(cacheFolder(environment), `consul-${CONSUL_VERSION}-${consulPlatform()}`);
  const cached = findCached(folder);
  if (cached) return cached;

  const onPath = findProgram(['consul'], environment['PATH'] ?? '');
  if (onPath !== undefined && (await versionOf(onPath).catch(() => '')) === CONSUL_VERSION) return describe(onPath, 'PATH');

  return fetchInto(folder, say);
}
