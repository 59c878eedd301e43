import { constants, generateKeyPairSync, privateDecrypt, randomUUID } from 'node:crypto';
import { breakGlassPurpose, breakGlassSubject, secretOwnerOf } from '@managed-consul/clusters';
import { minutes } from '@managed-consul/config';
import type { BreakGlassRole } from '@managed-consul/database';
import { requestOperation } from '@managed-consul/operations';
import { everyStepTwice, killedAtEveryStep, type WorkflowTrial } from '@managed-consul/testing';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askConsul } from '../support/consul-https';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

let world: WorkflowWorld;
let clusterId: string;
beforeAll(async () => {
  world = await openWorkflowWorld();
  const created = await world.requestCluster(3);
  expect((await world.drive(created.operationId)).state).toBe('Succeeded');
  clusterId = created.clusterId;
});
afterAll(() => world.stop());

const KEYS = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** An access as it is after its approval. */
async function approved(role: BreakGlassRole): Promise<string> {
  const id = randomUUID();
  const now = new Date();
  const later = new Date(now.getTime() + minutes(30));
  const persons = { requestedBy: 'one', approvedBy: 'another', requestedAt: now, approvedAt: now, approveBefore: later };
  const what = { id, clusterId, role, minutes: 30, publicKey: KEYS.publicKey, reason: 'To see it work.', ticket: 'INC-1' };
  await world.database.prisma.breakGlassAccess.create({
    data: { ...what, ...persons, state: 'Approved', endsAt: later, accessorId: randomUUID() },
  });
  return id;
}

async function request(kind: 'open-break-glass' | 'close-break-glass', accessId: string): Promise<string> {
  const wish = { kind, subject: breakGlassSubject(accessId), clusterId, input: { accessId }, requestedBy: 'tests' } as const;
  const lane = kind === 'close-break-glass' ? 'Delete' : 'Change';
  return (await world.database.prisma.$transaction((tx) => requestOperation(tx, { ...wish, lane }))).id;
}

const read = (id: string) => world.database.prisma.breakGlassAccess.findUniqueOrThrow({ where: { id } });

/** As the operator reads it, who has the other half of the key. */
async function tokenOf(id: string): Promise<string> {
  const { sealedToken } = await read(id);
  const sealed = Buffer.from(sealedToken ?? '', 'base64');
  return privateDecrypt(
    { key: KEYS.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    sealed,
  ).toString();
}

/** What every server answers to a call with the token. */
async function answers(token: string, method: string, path: string, body?: string): Promise<number[]> {
  const { datacenter, serverRecords } = await world.database.prisma.cluster.findUniqueOrThrow({
    where: { id: clusterId },
    include: { serverRecords: true },
  });
  const { pem: ca } = await world.database.prisma.certificate.findFirstOrThrow({
    where: { owner: secretOwnerOf(clusterId), purpose: 'ca' },
  });
  const asked = serverRecords.map(({ address }) => askConsul({ address, datacenter, ca, token }, method, path, body));
  return (await Promise.all(asked)).map(({ status }) => status);
}

const everyServer = (status: number): number[] => [status, status, status];
const given: { id: string; token: string }[] = [];

const opening = (role: BreakGlassRole): WorkflowTrial<Services> => {
  let id: string;
  return {
    ...world,
    request: async () => request('open-break-glass', (id = await approved(role))),
    verify: async () => {
      const { state, accessorId } = await read(id);
      expect(state).toBe('Open');
      const token = await tokenOf(id);
      given.push({ id, token });
      expect(await answers(token, 'GET', '/v1/operator/raft/configuration')).toEqual(everyServer(200));
      const root = (await world.dependencies.secrets.get(secretOwnerOf(clusterId), 'management-token')).reveal();
      expect(await answers(root, 'GET', `/v1/acl/token/${accessorId ?? ''}`)).toEqual(everyServer(200));
    },
  };
};

const closing = (): WorkflowTrial<Services> => {
  let closed: { id: string; token: string } | undefined;
  return {
    ...world,
    request: async () => {
      closed = given.pop();
      return request('close-break-glass', closed?.id ?? '');
    },
    verify: async () => {
      const { id, token } = closed ?? { id: '', token: '' };
      expect(await answers(token, 'GET', '/v1/acl/token/self')).toEqual(everyServer(403));
      expect(await read(id)).toMatchObject({ state: 'Closed', closedAt: expect.any(Date), sealedToken: null });
      const kept = { owner: secretOwnerOf(clusterId), purpose: breakGlassPurpose(id) };
      expect(await world.database.prisma.secret.count({ where: kept })).toBe(0);
    },
  };
};

describe('access in an emergency', () => {
  it('is opened, and ended on every server, every step carried out twice', async () => {
    await everyStepTwice(opening('Diagnostics'));
    await everyStepTwice(closing());
  });

  it('is so when the worker dies before, in and after every step', async () => {
    const opened = await killedAtEveryStep(opening('Repair'));
    expect(opened.map(({ name }) => name)).toContain('recordOpenAccess');
    const closed = await killedAtEveryStep(closing());
    expect(closed.map(({ name }) => name)).toContain('everyServerRefusesBreakGlassToken');
  });

  it('allows what its role allows and no more: never keys, tokens or gossip keys', async () => {
    await everyStepTwice(opening('Diagnostics'));
    await everyStepTwice(opening('Repair'));
    const [repair, diagnostics] = [given.pop()?.token ?? '', given.pop()?.token ?? ''];
    for (const token of [diagnostics, repair]) {
      expect(await answers(token, 'GET', '/v1/agent/members')).toEqual(everyServer(200));
      expect(await answers(token, 'PUT', '/v1/kv/mine', 'x')).toEqual(everyServer(403));
      expect(await answers(token, 'GET', '/v1/acl/tokens')).toEqual(everyServer(403));
      // 1.8 wraps this one refusal in a 500.
      expect(await answers(token, 'GET', '/v1/operator/keyring')).toEqual(everyServer(500));
    }
    const path = '/v1/operator/autopilot/configuration';
    const present = { CleanupDeadServers: true, LastContactThreshold: '200ms', MaxTrailingLogs: 250, MinQuorum: 3 };
    const body = JSON.stringify({ ...present, ServerStabilizationTime: '10s' });
    expect(await answers(diagnostics, 'PUT', path, body)).toEqual(everyServer(403));
    expect(await answers(repair, 'PUT', path, body)).toEqual(everyServer(200));
  });

  it('is known to Consul with its end, should the service be gone by then', async () => {
    await everyStepTwice(opening('Diagnostics'));
    const { id } = given.pop() ?? { id: '' };
    const { endsAt, accessorId } = await read(id);
    const server = await world.database.prisma.server.findFirstOrThrow({ where: { clusterId } });
    const { pem: ca } = await world.database.prisma.certificate.findFirstOrThrow({
      where: { owner: secretOwnerOf(clusterId), purpose: 'ca' },
    });
    const { datacenter } = await world.database.prisma.cluster.findUniqueOrThrow({ where: { id: clusterId } });
    const token = (await world.dependencies.secrets.get(secretOwnerOf(clusterId), 'management-token')).reveal();
    const target = { address: server.address, datacenter, ca, token };
    const { body } = await askConsul(target, 'GET', `/v1/acl/token/${accessorId ?? ''}`);
    const { ExpirationTime } = JSON.parse(body) as { ExpirationTime?: string };
    const late = new Date(ExpirationTime ?? 0).getTime() - (endsAt?.getTime() ?? 0);
    expect(Math.abs(late)).toBeLessThan(minutes(1));
  });
});
