import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { minutes, seconds } from '@managed-consul/config';
import type { ConsulAddress } from './consul-configuration';
import type { ConsulBinary } from './consul-binary';
import { lastErrorLine } from './consul-log';
import { waitUntilLed } from './consul-leadership';
import { TaskFailedError } from './task-error';

export interface ThrowAwayConsulOptions {
  /** Where it keeps its files; the caller removes them. */
  folder: string;
  binary: ConsulBinary;
  datacenter: string;
}

/** A Consul server of one machine and one moment, into which anything may be restored. */
export interface ThrowAwayConsul {
  readonly address: ConsulAddress;
  /** A management token, which it makes again after a restore. */
  readonly token: string;
  /** Waits until it leads itself, the token works, and it has done all that a new leader begins with. */
  becomesReady(signal: AbortSignal): Promise<void>;
}

const HOST = '127.0.0.1';
const READY_TIMEOUT = minutes(5);
const STOP_TIMEOUT = seconds(15);
const STARTS = 3;

/**
 * Runs a Consul server in `folder` for as long as `work` takes. It listens on this machine's loopback alone, has a gossip key
 * that nobody knows and everything forbidden without its token, so it meets no other Consul and serves nobody else.
 * `work` begins anew, with another server, when this one does not come up.
 */
export async function withThrowAwayConsul<Result>(
  options: ThrowAwayConsulOptions,
  work: (consul: ThrowAwayConsul) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await withServer(options, work);
    } catch (error) {
      // Between our look and Consul's start another program may have taken one of the ports.
      const isBadStart = error instanceof TaskFailedError && error.code === 'ConsulDidNotStart';
      if (!isBadStart || attempt === STARTS) throw error;
    }
  }
}

async function withServer<Result>(
  { folder: parent, binary, datacenter }: ThrowAwayConsulOptions,
  work: (consul: ThrowAwayConsul) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(parent, 'consul-'));
  const token = randomUUID();
  const [https, server, serf] = await freePorts(3);
  if (https === undefined || server === undefined || serf === undefined) throw new Error('There are no free ports.');
  await mkdir(join(folder, 'data'), { mode: 0o700 });
  const configuration = render({ token, datacenter, ports: { http: https, server, serf_lan: serf }, version: binary.version });
  await writeFile(join(folder, 'server.json'), JSON.stringify(configuration), { mode: 0o600 });
  const log = join(folder, 'consul.log');
  const child = await start(binary, folder, log);
  try {
    const address: ConsulAddress = { host: HOST, port: https, rpcPort: server, serverName: '', ca: undefined };
    return await work({ address, token, becomesReady: (signal) => becomesReady(child, address, token, log, signal) });
  } finally {
    await stop(child);
  }
}

interface Wish {
  token: string;
  datacenter: string;
  ports: { http: number; server: number; serf_lan: number };
  version: string;
}

function render({ token, datacenter, ports, version }: Wish): object {
  // 1.11 gave the token its new name and later versions refuse the old one.
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const tokenName = major > 1 || minor >= 11 ? 'initial_management' : 'master';
  return {
    server: true,
    node_name: 'throw-away',
    datacenter,
    primary_datacenter: datacenter,
    data_dir: 'data',
    bind_addr: HOST,
    client_addr: HOST,
    ports: { ...ports, https: -1, grpc: -1, dns: -1, serf_wan: -1 },
    bootstrap_expect: 1,
    encrypt: randomBytes(32).toString('base64'),
    connect: { enabled: true },
    acl: { enabled: true, default_policy: 'deny', tokens: { [tokenName]: token } },
    performance: { raft_multiplier: 1 },
    disable_update_check: true,
    log_level: 'WARN',
  };
}

async function start(binary: ConsulBinary, folder: string, log: string): Promise<ChildProcess> {
  const output = await open(log, 'a', 0o600);
  try {
    const child = spawn(binary.path, ['agent', '-config-file=server.json'], {
      cwd: folder,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      stdio: ['ignore', output.fd, output.fd],
    });
    await once(child, 'spawn');
    child.on('error', () => undefined);
    return child;
  } finally {
    await output.close();
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit', { signal: AbortSignal.timeout(STOP_TIMEOUT) });
  child.kill('SIGKILL');
  await ended.catch(() => undefined);
}

async function becomesReady(
  child: ChildProcess,
  address: ConsulAddress,
  token: string,
  log: string,
  signal: AbortSignal,
): Promise<void> {
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  try {
    // Nobody but this server gives the token its rights: until it does, it refuses it.
    await waitUntilLed({ address, token, signal }, { within: READY_TIMEOUT, mayPass: () => !hasEnded() });
  } catch (cause) {
    signal.throwIfAborted();
    const message = `The throw-away Consul did not come up. Its log says: ${await lastErrorLine(log)}`;
    throw new TaskFailedError('ConsulDidNotStart', message, { mayPass: true, cause });
  }
}

/** Ports that nothing listens on now, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, HOST);
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
