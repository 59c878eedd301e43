import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seconds } from '@managed-consul/config';
import {
  consulBinary,
  createAgentTestBed,
  createTestMachine,
  until,
  type AgentTestBed,
  type GatewayProcess,
  type TestMachine,
} from '@managed-consul/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

const PATIENCE = { within: seconds(40) };

let bed: AgentTestBed;
let gateway: GatewayProcess;
let machine: TestMachine;

beforeAll(async () => {
  bed = await createAgentTestBed();
  gateway = await bed.startGateway();
});
beforeEach(async () => {
  bed.balancer.setTargets([gateway.agentPort]);
  machine = await createTestMachine(bed, await bed.createCluster());
});
afterEach(() => machine.destroy());
afterAll(() => bed.close());

async function configure(changes: object): Promise<void> {
  const path = join(machine.configurationFolder, 'agent.json');
  await writeFile(path, JSON.stringify({ ...(JSON.parse(await readFile(path, 'utf8')) as object), ...changes }));
}

const bundles = () =>
  readdir(join(machine.stateFolder, 'agent')).then(
    (names) => names.filter((name) => name.endsWith('.mjs')),
    () => [],
  );
const logSays = (text: string) =>
  until(async () => (await machine.agentLog()).includes(text), { ...PATIENCE, because: `the agent's log says "${text}"` });

test('a machine whose gateway is not there yet waits for it and then starts', async () => {
  bed.balancer.setTargets([]);
  machine.startAgent();
  await logSays('could not be downloaded yet');
  bed.balancer.setTargets([gateway.agentPort]);
  await logSays('The tunnel is open');
});

test('a checked bundle starts again without the gateway, a damaged one is brought anew', async () => {
  machine.startAgent();
  await logSays('The agent has started');
  const path = join(machine.stateFolder, 'agent', `agent-${bed.bundleSha256}.mjs`);
  expect(((await stat(path)).mode & 0o777).toString(8)).toBe('400');

  bed.balancer.setTargets([]);
  await machine.stopAgent();
  const started = async () => (await machine.agentLog()).split('The agent has started').length - 1;
  machine.startAgent();
  await until(async () => (await started()) === 2, PATIENCE);

  await machine.stopAgent();
  const { rm } = await import('node:fs/promises');
  await rm(path);
  await writeFile(path, 'throw new Error("not the bundle")');
  machine.startAgent();
  await logSays('could not be downloaded yet');
  bed.balancer.setTargets([gateway.agentPort]);
  await until(async () => (await started()) === 3, PATIENCE);
});

test('a bundle with other bytes than promised is neither kept nor run', async () => {
  const claimed = createHash('sha256').update('something else').digest('hex');
  await writeFile(join(bed.artifactsFolder, claimed), 'console.log("I was run")');
  await configure({ bundleSha256: claimed });
  machine.startAgent();
  await logSays('does not have the SHA-256');
  expect(await bundles()).toEqual([]);
  expect(await machine.agentLog()).not.toContain('I was run');
});

test('a gateway that the CA file does not vouch for gets nothing and gives nothing', async () => {
  const strange = await readFile(join(bed.folder, 'gateway.pem'), 'utf8');
  await writeFile(join(machine.configurationFolder, 'gateway-ca.pem'), strange);
  machine.startAgent();
  await logSays('could not be downloaded yet');
  expect(await bundles()).toEqual([]);
});

test('the agent ends in order when it is told to', async () => {
  const child = machine.startAgent();
  await logSays('The tunnel is open');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('a machine that was told which Consul it will run has it before anyone asks', async () => {
  const sha256 = await bed.addArtifact((await consulBinary()).path);
  await configure({ consulSha256: { [process.arch === 'arm64' ? 'linux-arm64' : 'linux-amd64']: sha256 } });
  machine.startAgent();
  const programs = () => readdir(join(machine.stateFolder, 'consul/bin')).catch((): string[] => []);
  await until(async () => (await programs()).includes(`consul-${sha256}`), { ...PATIENCE, because: 'Consul is on the disk' });
  const bytes = await readFile(join(machine.stateFolder, 'consul/bin', `consul-${sha256}`));
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
});

test('a program that cannot be brought early does not keep the machine from reporting', async () => {
  await configure({ consulSha256: { 'linux-amd64': '0'.repeat(64), 'linux-arm64': '0'.repeat(64) } });
  machine.startAgent();
  await logSays('The tunnel is open');
});
