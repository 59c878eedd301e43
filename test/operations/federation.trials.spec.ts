import { randomUUID } from 'node:crypto';
import { clusterSubject, OPERATION_KINDS, secretOwnerOf, type Condition } from '@managed-consul/clusters';
import { minutes, SecretValue, systemClock } from '@managed-consul/config';
import { createFederationToken, getFederation, requestSecondaryCluster } from '@managed-consul/federation';
import { requestOperation } from '@managed-consul/operations';
import { createSchedules } from '@managed-consul/schedules';
import { requestRestore, requestTakeSnapshot } from '@managed-consul/snapshots';
import { everyStepTwice, killedAtEveryStep, until, type WorkflowTrial } from '@managed-consul/testing';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listeningAddresses } from '../support/machine-processes';
import { consulThroughAgent, verifyDeletedCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

let world: WorkflowWorld;
let primaryId: string;
let secondaryId: string;
let networks = 0;

const prisma = () => world.database.prisma;
const clusterOf = (id: string) => prisma().cluster.findUniqueOrThrow({ where: { id }, include: { serverRecords: true } });
const federationSeenFrom = (clusterId: string) => getFederation(prisma(), { requester: world.requester, clusterId });

async function succeed(operationId: string): Promise<void> {
  const ended = await world.drive(operationId);
  expect(ended.errorMessage).toBeNull();
  expect(ended.state).toBe('Succeeded');
}

const makeToken = () =>
  prisma().$transaction((tx) =>
    createFederationToken(tx, world.dependencies.secrets, { requester: world.requester, clusterId: primaryId }),
  );

/** Asks for a cluster of one server that follows the primary. */
async function requestSecondary(datacenter: string): Promise<{ clusterId: string; operationId: string }> {
  networks += 1;
  const { database, dependencies, requester, installationId } = world;
  const { federationToken } = await makeToken();
  const place = { installationId, networkCidr: `10.200.${networks}.0/24`, email: 'trial@example.com' };
  const draft = { ...place, name: `secondary-${networks}`, datacenter, servers: 1 };
  const wish = { requester, draft, federationToken: federationToken.reveal() };
  const { created } = await requestSecondaryCluster(database, dependencies.secrets, wish);
  if (!created) throw new Error('A fresh cluster was answered as a repetition.');
  return { clusterId: created.cluster.id, operationId: created.operation.id };
}

/** Consul of a cluster's one server; as the service itself, unless said. */
async function consulOf(clusterId: string, token?: SecretValue) {
  const [server] = (await clusterOf(clusterId)).serverRecords;
  if (!server) throw new Error('The cluster has no server.');
  const { secrets } = world.dependencies;
  const asked = token ?? (await secrets.get(secretOwnerOf(clusterId), 'management-token'));
  return consulThroughAgent(world, clusterId, server, asked);
}

/** What a server of one cluster answers about a key of another's datacenter. */
async function readAcross(clusterId: string, datacenter: string, key: string, token: SecretValue): Promise<string> {
  const [server] = (await clusterOf(clusterId)).serverRecords;
  const agent = await world.dependencies.agents.find(clusterId, server?.vmId ?? '');
  const headers = { 'x-consul-token': token.reveal() };
  const answer = await agent.consulFetch(`/v1/kv/${key}?raw&dc=${datacenter}`, { headers });
  return `${answer.status} ${await answer.text()}`;
}

/** A token that is made in the primary as a customer would. */
async function newTokenInPrimary(): Promise<SecretValue> {
  const { accessControl } = await consulOf(primaryId);
  const secretId = new SecretValue(randomUUID());
  await accessControl.ensurePolicy({ name: 'keys', description: '', rules: 'key_prefix "" { policy = "write" }' });
  await accessControl.ensureToken({ accessorId: randomUUID(), secretId, description: 'Customer', policies: ['keys'] });
  return secretId;
}

/** Throws unless keys and tokens of both datacenters are worth something in both, and both sides tell the same. */
async function verifyFederated(clusterId: string): Promise<void> {
  const [primary, secondary] = [await clusterOf(primaryId), await clusterOf(clusterId)];
  const token = await newTokenInPrimary();
  const isKnown = async () => (await consulOf(clusterId, token)).accessControl.isAccepted();
  await until(isKnown, { within: 30_000, because: 'the token has been copied to the secondary' });
  const [one, other] = [randomUUID(), randomUUID()];
  await (await consulOf(primaryId, token)).writeKey(one, 'of the primary');
  await (await consulOf(clusterId, token)).writeKey(other, 'of the secondary');
  expect(await readAcross(clusterId, primary.datacenter, one, token)).toBe('200 of the primary');
  expect(await readAcross(primaryId, secondary.datacenter, other, token)).toBe('200 of the secondary');
  expect(await readAcross(primaryId, primary.datacenter, other, token)).toBe('404 ');
  const told = await federationSeenFrom(clusterId);
  expect(told).toMatchObject({ state: 'Running', primary: { id: primaryId } });
  expect(told.secondaries.find(({ id }) => id === clusterId)?.joinedAt).toBeInstanceOf(Date);
  expect(await federationSeenFrom(primaryId)).toEqual(told);
  await verifySecondarysOwn(clusterId);
}

/** Throws unless the secondary's servers have tokens of their own that the primary does not know. */
async function verifySecondarysOwn(clusterId: string): Promise<void> {
  const { serverRecords } = await clusterOf(clusterId);
  const accessors = serverRecords.map(({ agentTokenAccessorId }) => agentTokenAccessorId ?? '');
  const [here, there] = [await consulOf(clusterId), await consulOf(primaryId)];
  const [known, knownInPrimary] = [await here.accessControl.listTokens(), await there.accessControl.listTokens()];
  expect(known.map(({ AccessorID }) => AccessorID)).toEqual(expect.arrayContaining(accessors));
  for (const { AccessorID } of knownInPrimary) expect(accessors).not.toContain(AccessorID);
}

/** What is said of a cluster's federation after one more look. */
async function lookedAt(clusterId: string): Promise<string> {
  const { dependencies, database, log } = world;
  const often = { observeEvery: 1, inspectEvery: 1, repairAfter: minutes(60) };
  const schedules = createSchedules({ ...dependencies, database, log, clock: systemClock, ...often });
  const now = systemClock.now();
  const signal = AbortSignal.timeout(minutes(1));
  await schedules.find(({ kind }) => kind === 'observe')?.run(clusterId, { now, dueAt: now, signal });
  const conditions = (await clusterOf(clusterId)).conditions as unknown as Condition[];
  const { status, reason } = conditions.find(({ type }) => type === 'Federated') ?? {};
  return `${status ?? 'nothing'} ${reason ?? ''}`;
}

beforeAll(async () => {
  world = await openWorkflowWorld();
  const { clusterId, operationId } = await world.requestCluster(1);
  await succeed(operationId);
  primaryId = clusterId;
});
afterAll(() => world.stop());

const opening = (): WorkflowTrial<Services> => ({
  ...world,
  request: async () => (await makeToken()).operation?.id ?? '',
  verify: async () => {
    const { serverRecords } = await clusterOf(primaryId);
    expect(serverRecords.map(({ wanOpen }) => wanOpen)).toEqual([true]);
    expect(listeningAddresses(8302)).toContain(serverRecords[0]?.address);
  },
});

const joining = (datacenter: string): WorkflowTrial<Services> => ({
  ...world,
  request: async () => {
    const requested = await requestSecondary(datacenter);
    secondaryId = requested.clusterId;
    return requested.operationId;
  },
  verify: () => verifyFederated(secondaryId),
});

describe('a federation', () => {
  it('begins with a primary whose servers are opened one by one, whenever its worker dies', async () => {
    const points = await killedAtEveryStep(opening());
    expect(points.map(({ name }) => name)).toContain('recordOpenFederation');
    expect((await makeToken()).operation).toBeUndefined();
  });

  it('joins a secondary so that keys and tokens work in both datacenters, whenever its worker dies', async () => {
    const points = await killedAtEveryStep(joining('second'));
    expect(points.map(({ name }) => name)).toContain('datacentersSeeEachOther');
  });

  it('is seen to work from both sides', async () => {
    for (const clusterId of [primaryId, secondaryId]) expect(await lookedAt(clusterId)).toBe('True AllDatacentersSeen');
  });

  it('keeps its primary from being deleted while it has a secondary', async () => {
    await expect(world.requestDelete(primaryId)).rejects.toMatchObject({ code: 'FederationHasSecondaries' });
  });

  it('lets a secondary go, and leaves nothing of it in the primary', async () => {
    const tokens = async () =>
      (await (await consulOf(primaryId)).accessControl.listTokens()).map(({ Description }) => Description);
    expect(await tokens()).toEqual(expect.arrayContaining([expect.stringContaining('of datacenter second')]));
    await succeed(await world.requestDelete(secondaryId));
    await verifyDeletedCluster(world, secondaryId);
    expect(await tokens()).not.toEqual(expect.arrayContaining([expect.stringContaining('of datacenter second')]));
    expect((await federationSeenFrom(primaryId)).secondaries).toEqual([]);
  });

  it('joins a secondary the same when every step is carried out twice, and outlives a restore to before that', async () => {
    const wish = { requester: world.requester, clusterId: primaryId };
    const taken = await prisma().$transaction((tx) => requestTakeSnapshot(tx, wish));
    await succeed(taken.operation.id);
    await everyStepTwice(joining('third'));
    const { id: snapshotId } = taken.snapshot;
    const restore = await prisma().$transaction((tx) => requestRestore(tx, { ...wish, snapshotId, safetySnapshot: false }));
    await succeed(restore.id);
    await verifyFederated(secondaryId);
  });

  it('tells its secondary when the primary went with its managed application; the secondary works on and can be deleted', async () => {
    const { installationId } = await clusterOf(primaryId);
    const asked = { kind: OPERATION_KINDS.deleteCluster, subject: clusterSubject(primaryId), lane: 'Delete' as const, input: {} };
    const wish = { ...asked, clusterId: primaryId, installationId, requestedBy: 'azure/notification' };
    await succeed((await prisma().$transaction((tx) => requestOperation(tx, wish))).id);
    expect(await federationSeenFrom(secondaryId)).toMatchObject({ state: 'PrimaryDatacenterMissing', primary: null });
    await lookedAt(secondaryId);
    expect(await lookedAt(secondaryId)).toBe('False PrimaryDatacenterMissing');
    const consul = await consulOf(secondaryId);
    await consul.writeKey('after', 'the end');
    expect(await consul.readKey('after')).toBe('the end');
    await succeed(await world.requestDelete(secondaryId));
    await verifyDeletedCluster(world, secondaryId);
  });
});
