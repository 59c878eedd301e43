/**
 * The bare minimum that a created cluster is measured against: a plain script that starts the same secured Consul servers
 * on this machine, with nothing in between. Same configuration, same definition of ready.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { askConsul, CONSUL_HTTPS_PORT, type ConsulTarget } from '../support/consul-https';

const run = promisify(execFile);
const DATACENTER = 'dc1';
const POLL_MILLISECONDS = 50;
const GIVE_UP_MILLISECONDS = 60_000;

interface BareServer {
  address: string;
  folder: string;
}

/** `addressBlock` is the first three bytes of a loopback network that nothing else uses, e.g. `127.77.1`. */
export interface BareClusterOptions {
  consulBinary: string;
  servers: 1 | 3 | 5;
  addressBlock: string;
}

async function issueCertificates(binary: string, folder: string, servers: readonly BareServer[]): Promise<void> {
  await run(binary, ['tls', 'ca', 'create'], { cwd: folder });
  await Promise.all(
    servers.map(async ({ address, folder: own }) => {
      const files = ['consul-agent-ca.pem', 'consul-agent-ca-key.pem'];
      await Promise.all(files.map(async (name) => writeFile(join(own, name), await readFile(join(folder, name)))));
      await run(binary, ['tls', 'cert', 'create', '-server', '-dc', DATACENTER, '-additional-ipaddress', address], { cwd: own });
    }),
  );
}

function serverConfiguration(server: BareServer, all: readonly BareServer[], gossipKey: string, token: string): object {
  return {
    server: true,
    node_name: `bare-${server.address.replaceAll('.', '-')}`,
    datacenter: DATACENTER,
    data_dir: join(server.folder, 'data'),
    bind_addr: server.address,
    client_addr: server.address,
    advertise_addr: server.address,
    ports: { http: -1, https: CONSUL_HTTPS_PORT, grpc: 8502, dns: 8600, server: 8300, serf_lan: 8301, serf_wan: -1 },
    bootstrap_expect: all.length,
    retry_join: all.map(({ address }) => address),
    retry_interval: '1s',
    encrypt: gossipKey,
    encrypt_verify_incoming: true,
    encrypt_verify_outgoing: true,
    ca_file: join(server.folder, 'consul-agent-ca.pem'),
    cert_file: join(server.folder, `${DATACENTER}-server-consul-0.pem`),
    key_file: join(server.folder, `${DATACENTER}-server-consul-0-key.pem`),
    verify_incoming_rpc: true,
    verify_outgoing: true,
    verify_server_hostname: true,
    auto_encrypt: { allow_tls: true },
    connect: { enabled: true },
    acl: {
      enabled: true,
      default_policy: 'deny',
      down_policy: 'extend-cache',
      enable_token_persistence: true,
      tokens: { master: token, agent: token },
    },
    performance: { raft_multiplier: 1 },
    autopilot: { min_quorum: all.length },
    disable_update_check: true,
  };
}

interface AutopilotHealth {
  Healthy: boolean;
  Servers: { Healthy: boolean; Voter: boolean }[] | null;
}

async function isReady(target: ConsulTarget, expected: number): Promise<boolean> {
  const health = await askConsul(target, 'GET', '/v1/operator/autopilot/health');
  if (health.status !== 200) return false;
  const { Healthy, Servers } = JSON.parse(health.body) as AutopilotHealth;
  const voters = (Servers ?? []).filter((each) => each.Healthy && each.Voter).length;
  if (!Healthy || voters !== expected) return false;
  return (await askConsul(target, 'PUT', '/v1/kv/ready', 'yes')).status === 200;
}

async function untilReady(servers: readonly BareServer[], token: string): Promise<void> {
  const [first] = servers;
  if (!first) throw new Error('a cluster needs a server');
  const ca = await readFile(join(first.folder, 'consul-agent-ca.pem'));
  const target = { address: first.address, datacenter: DATACENTER, ca, token };
  const deadline = Date.now() + GIVE_UP_MILLISECONDS;
  while (!(await isReady(target, servers.length).catch(() => false))) {
    if (Date.now() > deadline) throw new Error('the bare cluster did not become ready within 60 s');
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}

function start(binary: string, file: string): ChildProcess {
  return spawn(binary, ['agent', '-config-file', file], { stdio: 'ignore' });
}

const ended = (child: ChildProcess, signal: NodeJS.Signals): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill(signal);
  });

/** A running cluster of plain Consul servers. */
export interface BareCluster {
  /** Whom to ask, by number of the server. */
  readonly targets: readonly ConsulTarget[];
  /** Ends a server by SIGTERM and starts it again at once, with another program if one is given; its disk stays. */
  restart(index: number, consulBinary?: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one from nothing and waits until all servers are healthy voters and a key was written. */
export async function startBareCluster(options: BareClusterOptions): Promise<BareCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'bare-consul-'));
  const servers = Array.from({ length: options.servers }, (_, index) => ({
    address: `${options.addressBlock}.${index + 4}`,
    folder: join(folder, `server-${index}`),
  }));
  const processes: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(processes.map((child) => ended(child, 'SIGKILL')));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all(servers.map((server) => mkdir(server.folder)));
    await issueCertificates(options.consulBinary, folder, servers);
    const [token, gossipKey] = [randomUUID(), randomBytes(32).toString('base64')];
    const fileOf = (server: BareServer) => join(server.folder, 'server.json');
    for (const server of servers) {
      await writeFile(fileOf(server), JSON.stringify(serverConfiguration(server, servers, gossipKey, token)), { mode: 0o600 });
      processes.push(start(options.consulBinary, fileOf(server)));
    }
    await untilReady(servers, token);
    const ca = await readFile(join(folder, 'consul-agent-ca.pem'));
    return {
      targets: servers.map(({ address }) => ({ address, datacenter: DATACENTER, ca, token })),
      restart: async (index, consulBinary = options.consulBinary) => {
        const [server, child] = [servers[index], processes[index]];
        if (!server || !child) throw new Error(`there is no server ${index}`);
        await ended(child, 'SIGTERM');
        processes[index] = start(consulBinary, fileOf(server));
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts such a cluster from nothing, waits until it is ready, removes it. Gives the milliseconds from nothing to ready. */
export async function measureBareCluster(options: BareClusterOptions): Promise<number> {
  const began = performance.now();
  const cluster = await startBareCluster(options);
  const took = performance.now() - began;
  await cluster.stop();
  return took;
}
