/** Redis as a process of our own, in a folder and on a port of our own; one that already runs on the machine is never touched. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { Redis } from 'ioredis';
import { findProgram } from '../processes/find-program';
import { tryCommand } from '../processes/run-command';
import { stopProcess } from '../processes/stop-process';

export interface RedisOptions {
  dataFolder: string;
  logFile: string;
  port: number;
  /** Append-only file flushed each second, so that a restart keeps what was queued. */
  durable: boolean;
  databases?: number;
  /** Told of the process as soon as it exists, before it answers. */
  spawned?: (child: ChildProcess) => void;
}

export interface RedisServer {
  pid: number;
  process: ChildProcess;
  url: string;
  stop(): Promise<void>;
}

const PROGRAMS = ['redis-server', 'valkey-server'];

async function installRedis(say: (line: string) => void): Promise<void> {
  say('Installing redis-server with apt');
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const install = () =>
    tryCommand('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], { env: environment });
  if ((await install()).exitCode === 0) return;
  // A fresh machine has no package lists yet.
  await tryCommand('apt-get', ['update', '-qq'], { env: environment });
  const second = await install();
  if (second.exitCode !== 0)
    throw new Error(`apt could not install redis-server: ${second.stderr.trim().split('\n').at(-1) ?? ''}`);
}

/** The program `redis-server` or `valkey-server`; as root on Debian it is installed when missing, else one line says what to do. */
export async function findRedis(say: (line: string) => void = () => undefined): Promise<string> {
  const found = findProgram(PROGRAMS);
  if (found) return found;
  if (process.getuid?.() !== 0 || findProgram(['apt-get']) === undefined) {
    throw new Error(
      'redis-server (or valkey-server) is needed and not on the PATH: install it, for example "apt-get install redis-server".',
    );
  }
  await installRedis(say);
  const installed = findProgram(PROGRAMS);
  if (!installed) throw new Error('apt installed redis-server, but it is not on the PATH.');
  return installed;
}

async function answers(url: string): Promise<boolean> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 1000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.ping();
    return true;
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}

/** Starts a server on 127.0.0.1 and waits until it answers (20 s). Never evicts: jobs must not vanish for want of memory. */
export async function startRedis(program: string, options: RedisOptions): Promise<RedisServer> {
  mkdirSync(options.dataFolder, { recursive: true });
  const log = openSync(options.logFile, 'a', 0o644);
  const persistence = options.durable ? ['--appendonly', 'yes', '--appendfsync', 'everysec'] : ['--appendonly', 'no'];
  const settings = ['--port', String(options.port), '--bind', '127.0.0.1', '--save', '', '--maxmemory-policy', 'noeviction'];
  const child = spawn(
    program,
    [...settings, ...persistence, '--dir', options.dataFolder, '--databases', String(options.databases ?? 16)],
    {
      detached: true,
      stdio: ['ignore', log, log],
    },
  );
  closeSync(log);
  options.spawned?.(child);
  let failure: Error | undefined;
  child.once('error', (error) => (failure = error));
  child.once('exit', (code) => (failure ??= new Error(`it ended with code ${String(code)}`)));
  const url = `redis://127.0.0.1:${options.port}`;
  const giveUpAt = Date.now() + 20_000;
  while (!(await answers(url))) {
    if (failure || Date.now() > giveUpAt) {
      await stopProcess(child);
      throw new Error(`Redis did not start (${failure?.message ?? 'no answer'}); its log is ${options.logFile}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  return { pid: child.pid ?? 0, process: child, url, stop: () => stopProcess(child) };
}
