import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { AGENT_PROTOCOL_VERSION } from '@managed-consul/agent-protocol';
import { hours, seconds } from '@managed-consul/config';
import {
  createAgentTestBed,
  createTestMachine,
  FakeClock,
  newCertificateRequest,
  TEST_AUDIENCE,
  until,
  type AgentTestBed,
  type TestCluster,
  type TestMachine,
} from '@managed-consul/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startAgent } from './agent';
import { GatewayCalls } from './gateway-calls';
import { IdentityKeeper } from './identity-keeper';
import { InstanceMetadata } from './instance-metadata';
import { createLog } from './log';

const PATIENCE = { within: seconds(40) };
const log = createLog('error', () => undefined);

let bed: AgentTestBed;
let cluster: TestCluster;
let machine: TestMachine;
let clock: FakeClock;

beforeAll(async () => {
  bed = await createAgentTestBed();
  cluster = await bed.createCluster();
  bed.balancer.setTargets([(await bed.startGateway()).agentPort]);
});
beforeEach(async () => {
  machine = await createTestMachine(bed, cluster);
  clock = new FakeClock(new Date());
});
afterEach(() => machine.destroy());
afterAll(() => bed.close());

const newKeeper = () =>
  new IdentityKeeper({
    folder: join(machine.stateFolder, 'agent'),
    gateway: new GatewayCalls(bed.gatewayUrl, bed.gatewayCaPem),
    metadata: new InstanceMetadata(machine.metadataUrl),
    audience: TEST_AUDIENCE,
    clock,
    log,
  });

const enrolment = () =>
  bed.database.prisma.agentEnrolment.findUniqueOrThrow({
    where: { clusterId_vmId: { clusterId: cluster.id, vmId: machine.instance.vmId } },
  });

test('a certificate of a day is renewed after two thirds of it, not before, and without a token', async () => {
  const keeper = newKeeper();
  const first = await keeper.ensure();
  machine.instance.token = () => Promise.reject(new Error('no token is to be had'));
  clock.advance(hours(15));
  expect(await keeper.renewIfDue()).toBe(false);
  clock.advance(hours(1));
  expect(await keeper.renewIfDue()).toBe(true);
  const second = await keeper.ensure();
  expect(second.keyPem).not.toBe(first.keyPem);
  expect((await enrolment()).certificateSerial).toBe(new X509Certificate(second.certificatePem).serialNumber.toLowerCase());
  expect((await newKeeper().ensure()).certificatePem).toBe(second.certificatePem);
});

test('a renewal that is asked for again while it is on happens once', async () => {
  const keeper = newKeeper();
  await keeper.ensure();
  const { certificateSerial: enrolledWith } = await enrolment();
  clock.advance(hours(17));
  expect(await Promise.all([keeper.renewIfDue(), keeper.renewIfDue(), keeper.renewIfDue()])).toEqual([true, true, true]);
  const { serialNumber } = new X509Certificate((await keeper.ensure()).certificatePem);
  expect(await enrolment()).toMatchObject({
    certificateSerial: serialNumber.toLowerCase(),
    previousCertificateSerial: enrolledWith,
  });
});

test('after an outage longer than the certificate the agent proves itself anew', async () => {
  const keeper = newKeeper();
  const first = await keeper.ensure();
  clock.advance(hours(25));
  expect((await keeper.ensure()).certificatePem).not.toBe(first.certificatePem);
});

test('the identity of a disk that was copied to another machine is not used', async () => {
  const first = await newKeeper().ensure();
  machine.instance.vmId = crypto.randomUUID();
  const second = await newKeeper().ensure();
  expect(second.certificatePem).not.toBe(first.certificatePem);
  expect(new X509Certificate(second.certificatePem).subjectAltName).toContain(machine.instance.vmId);
});

test('an agent whose certificate was copied and renewed by another comes back by itself, and shuts the other out', async () => {
  const agent = await startAgent({
    stateFolder: machine.stateFolder,
    configurationFolder: machine.configurationFolder,
    metadataHost: machine.metadataUrl,
    allowRoot: false,
    clock,
    log,
    renewalCheck: 50,
  });
  const { vmId, address } = machine.instance;
  await until(() => bed.agents.find(cluster.id, vmId), PATIENCE);
  const before = await bed.presence.find(cluster.id, vmId);
  const text = await readFile(join(machine.stateFolder, 'agent/identity.json'), 'utf8');
  let copy = JSON.parse(text) as { keyPem: string; certificatePem: string };
  const gateway = new GatewayCalls(bed.gatewayUrl, bed.gatewayCaPem);
  const renewCopy = async () => {
    const { request: certificateRequest, keyPem } = await newCertificateRequest();
    const about = { address, agentVersion: '1', protocolVersion: AGENT_PROTOCOL_VERSION };
    const answer = await gateway.renew({ certificateRequest, ...about }, copy);
    copy = { keyPem, certificatePem: answer.certificate };
  };
  await renewCopy();
  await renewCopy();
  await until(async () => {
    const now = await bed.presence.find(cluster.id, vmId);
    return now && now.connectionId !== before?.connectionId;
  }, PATIENCE);
  const own = JSON.parse(await readFile(join(machine.stateFolder, 'agent/identity.json'), 'utf8')) as typeof copy;
  const { serialNumber } = new X509Certificate(own.certificatePem);
  expect(await enrolment()).toMatchObject({ certificateSerial: serialNumber.toLowerCase(), previousCertificateSerial: null });
  await expect(renewCopy()).rejects.toMatchObject({ code: 'AuthorizationFailed' });
  await agent.stop();
});

test('a damaged identity file is replaced', async () => {
  await newKeeper().ensure();
  const { writeFile } = await import('node:fs/promises');
  await writeFile(join(machine.stateFolder, 'agent/identity.json'), '{"vmId":');
  await newKeeper().ensure();
  expect(JSON.parse(await readFile(join(machine.stateFolder, 'agent/identity.json'), 'utf8'))).toMatchObject({
    vmId: machine.instance.vmId,
  });
});

test('a running agent changes to its new certificate without being out of reach for a moment', async () => {
  const agent = await startAgent({
    stateFolder: machine.stateFolder,
    configurationFolder: machine.configurationFolder,
    metadataHost: machine.metadataUrl,
    allowRoot: false,
    clock,
    log,
    renewalCheck: 50,
  });
  const { vmId } = machine.instance;
  const client = await until(() => bed.agents.find(cluster.id, vmId), PATIENCE);
  const before = await bed.presence.find(cluster.id, vmId);
  const { certificateExpiresAt } = (await client.health()).agent;

  clock.advance(hours(17));
  await until(async () => {
    await client.health();
    return (await bed.presence.find(cluster.id, vmId))?.connectionId !== before?.connectionId;
  }, PATIENCE);
  const after = (await client.health()).agent;
  expect(Date.parse(after.certificateExpiresAt)).toBeGreaterThanOrEqual(Date.parse(certificateExpiresAt));
  expect((await enrolment()).renewedAt.getTime()).toBeGreaterThan((await enrolment()).enrolledAt.getTime());
  await agent.stop();
});
