import { randomUUID, X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { hours, seconds } from '@managed-consul/config';
import { createCertificateAuthority } from '@managed-consul/secrets';
import {
  apply,
  changedState,
  createAgentTestBed,
  TestConsulCluster,
  until,
  type AgentTestBed,
  type TestServer,
} from '@managed-consul/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

let bed: AgentTestBed;
let cluster: TestConsulCluster;
let first: TestServer;
let second: TestServer;

beforeAll(async () => {
  bed = await createAgentTestBed();
  bed.balancer.setTargets([(await bed.startGateway()).agentPort]);
  cluster = await TestConsulCluster.create(bed, 2);
  await cluster.start();
  [first, second] = cluster.servers as [TestServer, TestServer];
});

afterAll(async () => {
  await cluster.destroy();
  await bed.close();
});

const installedKey = (server: TestServer) => readFile(join(server.machine.stateFolder, 'consul/tls/server-key.pem'), 'utf8');
const serialOf = (pem: string) => new X509Certificate(pem).serialNumber;

/** Serial of the certificate that a port shows to somebody who trusts only `ca`. `hello` goes ahead of the handshake. */
function shownBy(server: TestServer, port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: server.machine.instance.address, port, ca, servername: 'server.dc1.consul' };
    const socket = connect(options, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

/** A write through each server: the one that does not lead passes it on to the other over RPC. */
async function bothServe(): Promise<void> {
  for (const server of cluster.servers) {
    await until(async () => (await cluster.ask('/v1/kv/both', { method: 'PUT', body: randomUUID() }, server)).ok, {
      within: seconds(20),
    });
  }
}

test('a new key is made for each id, comes into force with its certificate, and Consul runs on', async () => {
  const { pid } = (await first.agent.state()).consul;
  const oldKey = await installedKey(first);
  const keyId = randomUUID();
  const renewed = await cluster.desiredFor(first, { keyId });
  expect(await installedKey(first)).toBe(oldKey);

  const again = await cluster.desiredFor(first, { keyId });
  const keyOf = (pem: string) => new X509Certificate(pem).publicKey.export({ format: 'pem', type: 'spki' });
  expect(keyOf(again.serverCertificate)).toBe(keyOf(renewed.serverCertificate));

  expect(await apply(first.agent, renewed)).toMatchObject({ phase: 'applied', consul: { pid } });
  expect(await installedKey(first)).not.toBe(oldKey);
  expect(await shownBy(first, 8501, cluster.authority.certificatePem)).toBe(serialOf(renewed.serverCertificate));
  await bothServe();

  const inForce = await cluster.desiredFor(first);
  expect(keyOf(inForce.serverCertificate)).toBe(keyOf(renewed.serverCertificate));
});

test('a key that waits does not disturb the one in force, and only the last one used is kept', async () => {
  const present = await cluster.desiredFor(first);
  await cluster.desiredFor(first, { keyId: 'waits' });
  expect(await apply(first.agent, present)).toMatchObject({ phase: 'applied' });
  expect(await apply(first.agent, await cluster.desiredFor(first, { keyId: 'used' }))).toMatchObject({ phase: 'applied' });
  expect(await readdir(join(first.machine.stateFolder, 'consul/tls/keys'))).toEqual(['used.pem']);
  expect(await apply(first.agent, present)).toMatchObject({ phase: 'failed', error: { code: 'CertificateInvalid' } });
  expect(await apply(first.agent, await cluster.desiredFor(first))).toMatchObject({ phase: 'applied' });
});

test("the cluster's authority is replaced without a restart: both trusted, new certificates, old dropped", async () => {
  const pids = await Promise.all(cluster.servers.map(async ({ agent }) => (await agent.state()).consul.pid));
  const old = cluster.authority;
  const next = await createCertificateAuthority({ commonName: 'Next CA', now: new Date(), lifetimeMs: hours(24) });
  const both = old.certificatePem + next.certificatePem;

  for (const server of cluster.servers) {
    const trusting = await cluster.desiredFor(server, { changes: { caCertificate: both } });
    expect(await apply(server.agent, trusting)).toMatchObject({ phase: 'applied' });
    await bothServe();
  }
  cluster.authority = next;
  const states = [];
  for (const server of cluster.servers) {
    const issued = await cluster.desiredFor(server, { keyId: 'next', changes: { caCertificate: both } });
    expect(await apply(server.agent, issued)).toMatchObject({ phase: 'applied' });
    expect(await shownBy(server, 8501, next.certificatePem)).toBe(serialOf(issued.serverCertificate));
    states.push(issued);
    await bothServe();
  }
  for (const [index, server] of cluster.servers.entries()) {
    const dropped = changedState(states[index]!, { caCertificate: next.certificatePem });
    expect(await apply(server.agent, dropped)).toMatchObject({ phase: 'applied' });
  }
  // Connections between servers are kept open for long; after a change of leader they are all new.
  await bothServe();
  expect(await Promise.all(cluster.servers.map(async ({ agent }) => (await agent.state()).consul.pid))).toEqual(pids);
  expect(second.name).toBe('c1-s1');
});

test('a new gossip key in the configuration restarts nothing where the keyring knows it, and else the one server that is told it', async () => {
  const { pid } = (await second.agent.state()).consul;
  const present = await cluster.desiredFor(second);
  const told = async (key: string) => {
    const state = await apply(second.agent, changedState(present, { configuration: { ...present.configuration, encrypt: key } }));
    expect(state.error).toBeUndefined();
    await bothServe();
    return state.consul.pid;
  };
  const [known, unknown] = [7, 8].map((byte) => Buffer.alloc(32, byte).toString('base64')) as [string, string];
  const key = { method: 'POST', body: JSON.stringify({ Key: known }) };
  const installed = await cluster.ask('/v1/operator/keyring', key, second);
  expect(installed.status).toBe(200);
  expect(await told(known)).toBe(pid);
  expect(await told(unknown)).not.toBe(pid);
});

test('a stopped Consul stays stopped over a restart of the agent, and comes back when asked', async () => {
  const present = await cluster.desiredFor(second);
  expect(await apply(second.agent, changedState(present, { running: false }))).toMatchObject({ consul: { running: false } });
  await second.machine.stopAgent('SIGKILL');
  const startedAt = new Date();
  second.machine.startAgent();
  const health = await until(
    async () => {
      const seen = await second.agent.health();
      return new Date(seen.agent.startedAt) > startedAt && seen;
    },
    { within: seconds(40) },
  );
  expect(health.consul).toMatchObject({ running: false, unplannedRestarts: 0 });
  expect(await apply(second.agent, present)).toMatchObject({ phase: 'applied', consul: { running: true } });
  await bothServe();
});
