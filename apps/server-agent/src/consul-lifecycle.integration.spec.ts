import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  sealDesiredState,
  type Agent,
  type DesiredState,
  type DesiredStateFields,
  type ReportedState,
} from '@managed-consul/agent-protocol';
import { hours, seconds } from '@managed-consul/config';
import { createCertificateAuthority, issueConsulServerCertificate, type CertificateAuthority } from '@managed-consul/secrets';
import {
  consulBinary,
  createAgentTestBed,
  createTestMachine,
  until,
  type AgentTestBed,
  type TestCluster,
  type TestMachine,
} from '@managed-consul/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

const MANAGEMENT_TOKEN = randomUUID();
const PATIENCE = { within: seconds(40) };

let bed: AgentTestBed;
let authority: CertificateAuthority;
let cluster: TestCluster;
let consulSha256: string;
let machine: TestMachine;

beforeAll(async () => {
  bed = await createAgentTestBed();
  authority = await createCertificateAuthority({ commonName: 'Cluster CA', now: new Date(), lifetimeMs: hours(24) });
  cluster = await bed.createCluster();
  consulSha256 = await bed.addArtifact((await consulBinary()).path);
  bed.balancer.setTargets([(await bed.startGateway()).agentPort]);
});

afterEach(() => machine.destroy());
afterAll(() => bed.close());

async function connectedMachine(): Promise<Agent> {
  machine = await createTestMachine(bed, cluster);
  machine.startAgent();
  return until(() => bed.agents.find(cluster.id, machine.instance.vmId), PATIENCE);
}

function configurationAt(address: string): DesiredStateFields['configuration'] {
  return {
    server: true,
    node_name: 'c1-s0',
    datacenter: 'dc1',
    data_dir: 'data',
    bind_addr: address,
    client_addr: address,
    ports: { http: -1, https: 8501, grpc: -1, dns: -1, serf_wan: -1 },
    bootstrap_expect: 1,
    encrypt: randomBytes(32).toString('base64'),
    ca_file: 'tls/ca.pem',
    cert_file: 'tls/server.pem',
    key_file: 'tls/server-key.pem',
    verify_incoming_rpc: true,
    verify_outgoing: true,
    verify_server_hostname: true,
    acl: { enabled: true, default_policy: 'deny', tokens: { master: MANAGEMENT_TOKEN } },
    performance: { raft_multiplier: 1 },
    disable_update_check: true,
    log_level: 'INFO',
  };
}

async function desiredFor(agent: Agent, changes: Partial<DesiredStateFields> = {}): Promise<DesiredState> {
  const { address } = machine.instance;
  const { certificateRequest } = await agent.requestServerCertificate({ datacenter: 'dc1', nodeName: 'c1-s0', address });
  const certificate = await issueConsulServerCertificate(authority, {
    certificateRequestPem: certificateRequest,
    datacenter: 'dc1',
    nodeName: 'c1-s0',
    addresses: [address],
    now: new Date(),
    lifetimeMs: hours(1),
  });
  return sealDesiredState({
    serverName: 'c1-s0',
    datacenter: 'dc1',
    running: true,
    consul: { version: '1.8.7', sha256: { 'linux-amd64': consulSha256, 'linux-arm64': consulSha256 } },
    configuration: configurationAt(address),
    caCertificate: authority.certificatePem,
    serverCertificate: certificate.pem,
    ...changes,
  });
}

function changed({ hash: _hash, ...fields }: DesiredState, changes: Partial<DesiredStateFields>): DesiredState {
  return sealDesiredState({ ...fields, ...changes });
}

/** Hands the state over and waits for its end, good or bad. */
async function apply(agent: Agent, desired: DesiredState): Promise<ReportedState> {
  await agent.applyDesiredState(desired);
  return until(async () => {
    const state = await agent.state();
    return state.desiredHash === desired.hash && (state.phase === 'applied' || state.phase === 'failed') && state;
  }, PATIENCE);
}

const modeOf = async (path: string): Promise<string> => ((await stat(join(machine.stateFolder, path))).mode & 0o777).toString(8);

async function userOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
}

const withToken = { 'x-consul-token': MANAGEMENT_TOKEN };

test('a machine becomes a Consul server that runs as no root, keeps its files closed and answers through the tunnel', async () => {
  const agent = await connectedMachine();
  const desired = await desiredFor(agent);
  const state = await apply(agent, desired);
  expect(state).toMatchObject({ phase: 'applied', appliedHash: desired.hash, consul: { running: true, version: '1.8.7' } });

  expect(await userOf(state.consul.pid ?? 0)).not.toBe(0);
  for (const folder of ['agent', 'consul', 'consul/config', 'consul/tls', 'consul/data', 'consul/bin']) {
    expect([folder, await modeOf(folder)]).toEqual([folder, '700']);
  }
  for (const name of ['config/server.json', 'tls/ca.pem', 'tls/server.pem', 'tls/server-key.pem', 'log/consul.log']) {
    expect([name, await modeOf(`consul/${name}`)]).toEqual([name, '600']);
  }
  expect(await modeOf('agent/identity.json')).toBe('600');
  expect(await modeOf(`consul/bin/consul-${consulSha256}`)).toBe('555');

  const value = randomBytes(200_000);
  await until(
    async () => (await agent.consulFetch('/v1/kv/key', { method: 'PUT', body: value, headers: withToken })).ok,
    PATIENCE,
  );
  const answer = await agent.consulFetch('/v1/kv/key?raw', { headers: withToken });
  expect(Buffer.from(await answer.arrayBuffer()).equals(value)).toBe(true);
  const anonymous = await agent.consulFetch('/v1/kv/key?raw');
  expect(anonymous.status).toBe(403);
  expect(await agent.health()).toMatchObject({ consul: { running: true, unplannedRestarts: 0 } });
});

test('neither applying the same state again nor a restart of the agent touches Consul', async () => {
  const agent = await connectedMachine();
  const desired = await desiredFor(agent);
  const { pid } = (await apply(agent, desired)).consul;
  expect((await apply(agent, desired)).consul.pid).toBe(pid);

  await machine.stopAgent('SIGKILL');
  machine.startAgent();
  const after = await until(async () => (await agent.health()).consul.running && agent.state(), PATIENCE);
  expect(after).toMatchObject({ phase: 'applied', appliedHash: desired.hash, consul: { pid } });
  expect((await apply(agent, desired)).consul.pid).toBe(pid);
});

test('a Consul that died is started again, one that is to be stopped stays stopped', async () => {
  const agent = await connectedMachine();
  const desired = await desiredFor(agent);
  const { pid } = (await apply(agent, desired)).consul;
  process.kill(pid ?? 0, 'SIGKILL');
  const again = await until(async () => {
    const { consul } = await agent.state();
    return consul.running && consul.pid !== pid && consul;
  }, PATIENCE);
  expect((await agent.health()).consul.unplannedRestarts).toBe(1);

  const stopped = await apply(agent, changed(desired, { running: false }));
  expect(stopped).toMatchObject({ phase: 'applied', consul: { running: false } });
  expect(await readFile(`/proc/${again.pid}/comm`, 'utf8').catch(() => 'gone')).toBe('gone');
});

test('a Consul killed while it wrote its gossip keys comes back with the key that it was told, and takes up one told later', async () => {
  const agent = await connectedMachine();
  const desired = await desiredFor(agent);
  const { pid } = (await apply(agent, desired)).consul;
  const keyFile = join(machine.stateFolder, 'consul/data/serf/local.keyring');
  const keys = async () => JSON.parse(await readFile(keyFile, 'utf8')) as unknown;
  const told = desired.configuration['encrypt'];
  await until(async () => (await keys()) !== undefined, PATIENCE);

  await writeFile(keyFile, '');
  process.kill(pid ?? 0, 'SIGKILL');
  const answers = async () => (await agent.consulFetch('/v1/agent/self', { headers: withToken })).ok;
  await until(async () => (await agent.state()).consul.pid !== pid && (await answers()), PATIENCE);
  expect(await keys()).toEqual([told]);
  expect(await modeOf('consul/data/serf/local.keyring')).toBe('600');

  const newKey = randomBytes(32).toString('base64');
  const retold = await apply(agent, changed(desired, { configuration: { ...desired.configuration, encrypt: newKey } }));
  expect(retold.error).toBeUndefined();
  expect(await keys()).toEqual([told, newKey]);
});

test('what Consul can reload is reloaded, all else restarts it', async () => {
  const agent = await connectedMachine();
  const desired = await desiredFor(agent);
  const { pid } = (await apply(agent, desired)).consul;

  const renewed = changed(desired, { serverCertificate: (await desiredFor(agent)).serverCertificate });
  const reloaded = changed(renewed, { configuration: { ...desired.configuration, log_level: 'DEBUG' } });
  expect((await apply(agent, reloaded)).consul.pid).toBe(pid);
  await until(
    () => readFile(join(machine.stateFolder, 'consul/log/consul.log'), 'utf8').then((log) => log.includes('[DEBUG]')),
    PATIENCE,
  );

  const restarted = changed(reloaded, {
    configuration: { ...desired.configuration, node_meta: { a: 'b' }, performance: { raft_multiplier: 2 } },
  });
  const state = await apply(agent, restarted);
  expect(state).toMatchObject({ phase: 'applied', consul: { running: true } });
  expect(state.consul.pid).not.toBe(pid);
});

test('a program without the promised SHA-256 is refused, deleted and never run', async () => {
  const agent = await connectedMachine();
  const claimed = createHash('sha256').update(randomUUID()).digest('hex');
  const trap = join(bed.folder, 'trap');
  await writeFile(join(bed.artifactsFolder, claimed), `#!/bin/sh\ntouch ${trap}\n`);
  const desired = changed(await desiredFor(agent), {
    consul: { version: '1.8.7', sha256: { 'linux-amd64': claimed, 'linux-arm64': claimed } },
  });
  expect(await apply(agent, desired)).toMatchObject({
    phase: 'failed',
    appliedHash: null,
    error: { code: 'ArtifactMismatch' },
    consul: { running: false },
  });
  expect(await readdir(join(machine.stateFolder, 'consul/bin'))).toEqual([]);
  await expect(stat(trap)).rejects.toThrow('ENOENT');
});

test('a bad configuration or certificate is refused while the good Consul runs on', async () => {
  const agent = await connectedMachine();
  const desired = await desiredFor(agent);
  const { pid } = (await apply(agent, desired)).consul;

  const nonsense = changed(desired, { configuration: { ...desired.configuration, no_such_key: true } });
  expect(await apply(agent, nonsense)).toMatchObject({
    phase: 'failed',
    appliedHash: desired.hash,
    error: { code: 'ConfigurationInvalid', message: expect.stringContaining('no_such_key') as string },
    consul: { running: true, pid },
  });
  const foreign = await createCertificateAuthority({ commonName: 'Foreign', now: new Date(), lifetimeMs: hours(1) });
  expect(await apply(agent, changed(desired, { caCertificate: foreign.certificatePem }))).toMatchObject({
    phase: 'failed',
    error: { code: 'CertificateInvalid' },
    consul: { running: true, pid },
  });
  expect((await apply(agent, desired)).consul.pid).toBe(pid);
});

test('a state whose hash is not its own is refused', async () => {
  const agent = await connectedMachine();
  const desired = await desiredFor(agent);
  await expect(agent.applyDesiredState({ ...desired, running: false })).rejects.toMatchObject({
    name: 'TerminalError',
    code: 'HashMismatch',
  });
  expect(await agent.state()).toMatchObject({ phase: 'idle', desiredHash: null });
});

test('of several states that are asked for quickly the newest ends in force', async () => {
  const agent = await connectedMachine();
  const desired = await desiredFor(agent);
  const others = [1, 2, 3].map((number) =>
    changed(desired, { configuration: { ...desired.configuration, node_meta: { number: String(number) } } }),
  );
  for (const other of others) await agent.applyDesiredState(other);
  const newest = others.at(-1) ?? desired;
  const state = await until(async () => {
    const reported = await agent.state();
    return reported.phase === 'applied' && reported;
  }, PATIENCE);
  expect(state).toMatchObject({ appliedHash: newest.hash, desiredHash: newest.hash });
  expect(JSON.parse(await readFile(join(machine.stateFolder, 'consul/config/server.json'), 'utf8'))).toEqual(
    newest.configuration,
  );
});
