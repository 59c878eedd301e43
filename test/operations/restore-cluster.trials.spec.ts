import { requestRootToken, secretOwnerOf } from '@managed-consul/clusters';
import { TerminalError } from '@managed-consul/errors';
import {
  getRestorePreview,
  requestCloneCluster,
  requestRestore,
  requestRestorePreview,
  requestTakeSnapshot,
} from '@managed-consul/snapshots';
import { driveToEnd, killedAtEveryStep, type WorkflowTrial } from '@managed-consul/testing';
import { stepsOf } from '@managed-consul/workflow-engine';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsulContents, type MadeToken } from '../support/consul-contents';
import { damage } from '../support/stored-snapshots';
import { verifyDeletedCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

let world: WorkflowWorld;
/** Three servers, filled blue, then snapshotted, then filled red: the trials restore it again and again. */
let contents: ConsulContents;
let snapshotId: string;
/** Made before the snapshot; the second one was revoked after it. The third was made after it. */
let kept: MadeToken;
let revoked: MadeToken;
let made: MadeToken;

const ended = async (operationId: string) => {
  const operation = await world.drive(operationId);
  expect(operation).toMatchObject({ errorMessage: null, state: 'Succeeded' });
  return operation;
};

async function readyCluster(servers: number): Promise<ConsulContents> {
  const created = await world.requestCluster(servers);
  await ended(created.operationId);
  return new ConsulContents(world, created.clusterId);
}

async function takeSnapshot({ clusterId }: ConsulContents): Promise<string> {
  const { requester, database } = world;
  const taken = await database.prisma.$transaction((tx) => requestTakeSnapshot(tx, { requester, clusterId }));
  await ended(taken.operation.id);
  return taken.snapshot.id;
}

async function restore(id: string, { clusterId }: ConsulContents = contents, safetySnapshot = false): Promise<string> {
  const { requester, database } = world;
  const wish = { requester, clusterId, snapshotId: id, safetySnapshot };
  return (await database.prisma.$transaction((tx) => requestRestore(tx, wish))).id;
}

const all = (said: boolean, servers = 3): boolean[] => Array.from({ length: servers }, () => said);

/** The service's own tokens work: the one that it manages with, and each server's. */
async function verifyOwnTokens(cluster: ConsulContents, servers: number): Promise<void> {
  expect(await cluster.isAccepted(await cluster.managementToken())).toEqual(all(true, servers));
  for (const { vmId } of await cluster.servers()) {
    const token = await world.dependencies.secrets.get(secretOwnerOf(cluster.clusterId), `agent-token/${vmId}`);
    expect(await cluster.isAccepted(token)).toEqual(all(true, servers));
  }
}

async function verifyBlue(): Promise<void> {
  expect(await contents.look()).toEqual({ color: 'blue', intentions: ['web-blue'], services: ['mail-blue'] });
  expect(await contents.isAccepted(kept.secretId)).toEqual(all(true));
  expect(await contents.isAccepted(revoked.secretId)).toEqual(all(false));
  expect(await contents.isAccepted(made.secretId)).toEqual(all(false));
  await verifyOwnTokens(contents, 3);
  const consul = await contents.consul();
  expect(await consul.operator.autopilotConfiguration()).toMatchObject({ MinQuorum: 3, MaxTrailingLogs: 321 });
  const { provisioningState } = await world.database.prisma.cluster.findUniqueOrThrow({ where: { id: contents.clusterId } });
  expect(provisioningState).toBe('Succeeded');
}

/** Deletes a cluster, which leaves nothing of it. */
async function remove({ clusterId }: ConsulContents): Promise<void> {
  await ended(await world.requestDelete(clusterId));
  await verifyDeletedCluster(world, clusterId);
}

/** Makes a root token, which ends the one before; gives its accessor. */
async function newRootToken({ clusterId }: ConsulContents): Promise<string> {
  const { database, requester, dependencies } = world;
  const { operation, accessorId } = await database.prisma.$transaction((tx) =>
    requestRootToken(tx, dependencies.secrets, { requester, clusterId }),
  );
  await ended(operation.id);
  return accessorId;
}

async function turnRed(): Promise<void> {
  await contents.clear('blue');
  await contents.fill('red');
}

beforeAll(async () => {
  world = await openWorkflowWorld();
  contents = await readyCluster(3);
  kept = await contents.makeToken('kept');
  revoked = await contents.makeToken('revoked later');
  await contents.fill('blue');
  snapshotId = await takeSnapshot(contents);
  await contents.revoke(revoked);
  made = await contents.makeToken('made later');
  await (await contents.consul()).operator.changeAutopilot({ MaxTrailingLogs: 321 });
  await turnRed();
});
afterAll(() => world.stop());

describe('preview-restore', () => {
  it('tells which tokens would end and which stay revoked, and changes nothing', async () => {
    const { requester, database } = world;
    const wish = { requester, clusterId: contents.clusterId, snapshotId };
    const { id: operationId } = await database.prisma.$transaction((tx) => requestRestorePreview(tx, wish));
    await ended(operationId);
    const preview = await getRestorePreview(database, { requester, operationId });
    expect(preview.vanishing.map(({ description }) => description)).toEqual(['made later']);
    expect(preview.revokedSince.map(({ accessorId }) => accessorId)).toEqual([revoked.accessorId]);
    expect(preview).toMatchObject({ rootToken: 'None', intentions: 1 });
    expect(preview.keys).toBeGreaterThan(0);
    expect((await contents.look()).color).toBe('red');
    expect(await contents.isAccepted(made.secretId)).toEqual(all(true));
  });
});

describe('a snapshot that was tampered with', () => {
  it.each([
    ['truncated', (stored: Buffer) => stored.subarray(0, stored.length - 20)],
    ['altered', (stored: Buffer) => (stored.writeUInt8(stored.readUInt8(stored.length >> 1) ^ 1, stored.length >> 1), stored)],
  ])('is refused before anything is touched: %s', async (_how, change) => {
    const snapshot = await world.database.prisma.snapshot.findUniqueOrThrow({ where: { id: snapshotId } });
    const putBack = await damage(world, snapshot, change);
    const operationId = await restore(snapshotId);
    expect(await world.drive(operationId)).toMatchObject({
      state: 'Failed',
      errorCode: 'SnapshotDamaged',
      errorStep: 'snapshotIsRehearsed',
    });
    expect((await contents.look()).color).toBe('red');
    expect(await contents.isAccepted(made.secretId)).toEqual(all(true));
    await putBack();
  });
});

describe('restore-cluster', () => {
  const restoring = (): WorkflowTrial<Services> => ({ ...world, request: () => restore(snapshotId), verify: verifyBlue });

  it('brings back what was there, keeps revoked tokens revoked, and can itself be undone', async () => {
    const { database } = world;
    await newRootToken(contents);
    const restored = await restore(snapshotId, contents, true);
    await ended(restored);
    await verifyBlue();
    const told = await database.prisma.clusterEvent.findMany({ where: { operationId: restored } });
    expect(told.map(({ message }) => message).join('\n')).toMatch(/root token was made after the snapshot and does not work/);
    const { input } = await database.prisma.operation.findUniqueOrThrow({ where: { id: restored } });

    await ended(await restore((input as { safetySnapshotId: string }).safetySnapshotId));
    expect(await contents.look()).toEqual({ color: 'red', intentions: ['web-red'], services: ['mail-red'] });
    expect(await contents.isAccepted(made.secretId)).toEqual(all(true));
    expect(await contents.isAccepted(revoked.secretId)).toEqual(all(false));
  });

  it('ends the same when every step is carried out twice and its worker dies before, in and after each', async () => {
    const points = await killedAtEveryStep(restoring(), { twice: true });
    expect(points.map(({ name }) => name)).toContain('recordRestore');
  });
});

/** Fails an operation right after one of its steps has acted. */
const failingAfter = (step: string) => ({
  reached: (point: string, { name }: { name: string }) => {
    if (point === 'after-effect' && name === step) throw new TerminalError('FailedOnTrial', 'It failed.');
  },
});

describe.concurrent('clone-cluster', () => {
  let copies = 0;
  async function clone(id = snapshotId): Promise<{ clusterId: string; operationId: string }> {
    const { requester, database, installationId } = world;
    const name = `copy-${(copies += 1)}`;
    const draft = { installationId, name, servers: 1, networkCidr: `10.200.${copies}.0/24`, email: 'trial@example.com' };
    const { created } = await requestCloneCluster(database, { requester, draft, snapshotId: id });
    return { clusterId: created?.cluster.id ?? '', operationId: created?.operation.id ?? '' };
  }
  const copyMadeBy = async (operationId: string): Promise<ConsulContents> => {
    const { clusterId } = await world.database.prisma.operation.findUniqueOrThrow({ where: { id: operationId } });
    return new ConsulContents(world, clusterId ?? '');
  };

  /** What the snapshot holds is there once, and nothing that is the source's alone. */
  async function verifyCopy(operationId: string): Promise<void> {
    const copy = await copyMadeBy(operationId);
    expect(await copy.look()).toEqual({ color: 'blue', intentions: ['web-blue'], services: ['mail-blue'] });
    expect(await copy.isAccepted(kept.secretId)).toEqual([true]);
    expect(await copy.isAccepted(revoked.secretId)).toEqual([false]);
    expect(await copy.isAccepted(await contents.managementToken())).toEqual([false]);
    await verifyOwnTokens(copy, 1);
    const consul = await copy.consul();
    const names = (await consul.catalog.agentNodes()).map((node) => node.name);
    expect(names).toEqual((await copy.servers()).map(({ name }) => name));
    expect(await consul.services()).toHaveProperty('consul');
    expect(await consul.operator.autopilotConfiguration()).toMatchObject({ MinQuorum: 1 });
    await remove(copy);
  }
  const cloning = (): WorkflowTrial<Services> => ({
    ...world,
    request: async () => (await clone()).operationId,
    verify: verifyCopy,
  });

  it('gives what the snapshot holds, without what was revoked and the service’s own tokens, with every step twice and deaths at each', async () => {
    const points = await killedAtEveryStep(cloning(), { twice: true });
    expect(points.map(({ name }) => name)).toContain('recordClone');
  });

  it.each(['snapshotIsRestored', 'reissueServerTokens'])(
    'leaves nothing valid that was revoked when it fails after %s, and can be deleted',
    async (step) => {
      const { operationId } = await clone();
      expect(await driveToEnd(world, operationId, failingAfter(step))).toMatchObject({ errorCode: 'FailedOnTrial' });
      const copy = await copyMadeBy(operationId);
      expect(await copy.isAccepted(revoked.secretId)).toEqual([false]);
      expect(await copy.isAccepted(await contents.managementToken())).toEqual([false]);
      await verifyOwnTokens(copy, 1);
      await remove(copy);
    },
  );

  it('works from a snapshot whose cluster is gone: replaced root tokens stay revoked, of others it tells that nobody knows', async () => {
    const source = await readyCluster(1);
    const replaced = await newRootToken(source);
    await source.fill('blue');
    const id = await takeSnapshot(source);
    await newRootToken(source);
    await remove(source);
    const { operationId } = await clone(id);
    await ended(operationId);
    const copy = await copyMadeBy(operationId);
    expect((await copy.look()).color).toBe('blue');
    const { accessControl } = await copy.consul();
    expect(await accessControl.findToken(replaced)).toBeUndefined();
    await verifyOwnTokens(copy, 1);
    const told = await world.database.prisma.clusterEvent.findMany({ where: { operationId, type: 'CloneTold' } });
    expect(told.map(({ message }) => message).join('\n')).toMatch(/could not be asked/);
    await remove(copy);
  });
});

describe('a restore that fails half-way', () => {
  it('leaves a cluster that the service manages, and the next restore succeeds', async () => {
    const { steps } = world.host.workflows.get('restore-cluster') ?? { steps: [] };
    const names = stepsOf(steps).map(({ name }) => name);
    // Before this one nothing is touched.
    const waiting = names.slice(names.indexOf('recordTokensBefore'));
    const worker = async () => {
      const cluster = await readyCluster(1);
      const gone = await cluster.makeToken('revoked later');
      await cluster.fill('blue');
      const ownSnapshotId = await takeSnapshot(cluster);
      await cluster.revoke(gone);
      for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
        const failed = await driveToEnd(world, await restore(ownSnapshotId, cluster), failingAfter(step));
        expect(failed).toMatchObject({ state: 'Failed', errorCode: 'FailedOnTrial' });
        await verifyOwnTokens(cluster, 1);
        expect(await cluster.isAccepted(gone.secretId)).toEqual([false]);
      }
      await ended(await restore(ownSnapshotId, cluster));
      expect((await cluster.look()).color).toBe('blue');
      await remove(cluster);
    };
    await Promise.all(Array.from({ length: 3 }, worker));
  });
});
