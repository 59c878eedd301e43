import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SNAPSHOTS_TAG } from '@managed-consul/azure';
import { requestDeleteCluster } from '@managed-consul/clusters';
import {
  getSnapshotLink,
  requestDeleteSnapshot,
  requestDrill,
  requestRenameSnapshot,
  requestSnapshotLink,
  requestTakeSnapshot,
  snapshotSecretsOwner,
  type SnapshotLink,
} from '@managed-consul/snapshots';
import { consulBinary, everyStepTwice, failedAtEveryStepThenDeletable, killedAtEveryStep } from '@managed-consul/testing';
import type { WorkflowTrial } from '@managed-consul/testing';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decrypt } from '../../tools/hcs/decrypt-snapshot';
import { storedBlobs } from '../support/stored-snapshots';
import { verifyDeletedCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

const run = promisify(execFile);

let world: WorkflowWorld;
/** A cluster of one server that the trials share. */
let clusterId: string;

type Transaction = Parameters<Parameters<WorkflowWorld['database']['prisma']['$transaction']>[0]>[0];
const within = <Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> =>
  world.database.prisma.$transaction<Result>(work);

async function succeed(operationId: string): Promise<void> {
  expect(await world.drive(operationId)).toMatchObject({ state: 'Succeeded', errorMessage: null });
}

async function readyCluster(): Promise<string> {
  const created = await world.requestCluster(1);
  await succeed(created.operationId);
  return created.clusterId;
}

const requestTake = (id = clusterId, name?: string) =>
  within((tx) => requestTakeSnapshot(tx, { requester: world.requester, clusterId: id, name }));

async function takenSnapshot(id = clusterId): Promise<string> {
  const { snapshot, operation } = await requestTake(id);
  await succeed(operation.id);
  return snapshot.id;
}

const readSnapshot = (id: string) => world.database.prisma.snapshot.findUniqueOrThrow({ where: { id } });

const snapshotIdOf = async (operationId: string): Promise<string> => {
  const { input } = await world.database.prisma.operation.findUniqueOrThrow({ where: { id: operationId } });
  return (input as { snapshotId: string }).snapshotId;
};

const countSecrets = (purpose: string) =>
  world.database.prisma.secret.count({ where: { owner: snapshotSecretsOwner(clusterId), purpose } });

async function linkTo(snapshotId: string): Promise<SnapshotLink> {
  const { requester, dependencies } = world;
  const operation = await within((tx) => requestSnapshotLink(tx, { requester, snapshotId }));
  await succeed(operation.id);
  return within((tx) => getSnapshotLink(tx, dependencies.secrets, { requester, operationId: operation.id }));
}

beforeAll(async () => {
  world = await openWorkflowWorld();
  clusterId = await readyCluster();
});
afterAll(() => world.stop());

describe('take-snapshot', () => {
  const taking = (): WorkflowTrial<Services> => ({
    ...world,
    request: async () => (await requestTake()).operation.id,
    verify: async (operationId) => {
      const snapshot = await readSnapshot(await snapshotIdOf(operationId));
      expect(snapshot).toMatchObject({ state: 'VERIFIED', kind: 'MANUAL', consulVersion: '1.8.7', failureCode: null });
      expect(snapshot.sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(Number(snapshot.raftIndex)).toBeGreaterThan(0);
      expect(await countSecrets(`content-key/${snapshot.id}`)).toBe(1);
    },
  });

  it('ends with a verified snapshot when every step is carried out twice', () => everyStepTwice(taking()));

  it('ends so when its worker dies before, in and after every step', async () => {
    const points = await killedAtEveryStep(taking());
    expect(points.map(({ name }) => name)).toContain('snapshotIsVerified');
  });

  it('can fail at any step: the snapshot says so, can be deleted, and the next one is good', async () => {
    const steps = await failedAtEveryStepThenDeletable(taking(), {
      kind: 'take-snapshot',
      requestDelete: async (operationId) => {
        const snapshotId = await snapshotIdOf(operationId);
        expect(await readSnapshot(snapshotId)).toMatchObject({ state: 'FAILED', failureCode: 'FailedOnTrial' });
        return (await within((tx) => requestDeleteSnapshot(tx, { requester: world.requester, snapshotId }))).id;
      },
      verifyDeleted: async (operationId) => {
        expect((await readSnapshot(await snapshotIdOf(operationId))).deletedAt).not.toBeNull();
      },
    });
    expect(steps).toContain('startSnapshot');
    await takenSnapshot();
  });

  it('refuses a name that another snapshot of the cluster has, whatever the case', async () => {
    const { requester } = world;
    const { operation } = await requestTake(clusterId, 'Before the change');
    await succeed(operation.id);
    await expect(requestTake(clusterId, 'before THE change')).rejects.toMatchObject({ code: 'SnapshotNameExists' });
    const other = await takenSnapshot();
    const rename = (name: string) => within((tx) => requestRenameSnapshot(tx, { requester, snapshotId: other, name }));
    await expect(rename('Before the Change')).rejects.toMatchObject({ code: 'SnapshotNameExists' });
    expect((await rename('before_the_change')).name).toBe('before_the_change');
  });
});

describe('delete-snapshot', () => {
  const requestDelete = (snapshotId: string) =>
    within((tx) => requestDeleteSnapshot(tx, { requester: world.requester, snapshotId }));
  const deleting = (): WorkflowTrial<Services> => ({
    ...world,
    request: async () => (await requestDelete(await takenSnapshot())).id,
    verify: async (operationId) => {
      const snapshot = await readSnapshot(await snapshotIdOf(operationId));
      expect(snapshot.deletedAt).not.toBeNull();
      expect(await countSecrets(`content-key/${snapshot.id}`)).toBe(0);
      expect(snapshot.blobName).not.toBeNull();
      expect(await storedBlobs(world, snapshot)).toEqual([]);
    },
  });

  it('leaves neither bytes nor key when every step is carried out twice, or its worker dies at any', async () => {
    await everyStepTwice(deleting());
    await killedAtEveryStep(deleting());
  });

  it('can be asked for again when it has failed, whatever the step', async () => {
    await failedAtEveryStepThenDeletable(deleting(), {
      kind: 'delete-snapshot',
      requestDelete: async (operationId) => (await requestDelete(await snapshotIdOf(operationId))).id,
      verifyDeleted: (operationId) => Promise.resolve(deleting().verify(operationId)),
    });
  });
});

describe('create-snapshot-link', () => {
  it('gives a file that Consul itself reads, once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'snapshot-link-'));
    try {
      const snapshotId = await takenSnapshot();
      const link = await linkTo(snapshotId);
      const [file, out] = [join(folder, 'stored'), join(folder, 'snapshot.tgz')];
      const stored = Buffer.from(await (await fetch(link.url)).arrayBuffer());
      await writeFile(file, stored);
      const args = [file, '--key', link.contentKey, '--snapshot', link.snapshotId, '--out', out];
      expect(await decrypt({ root: folder, args })).toBe(0);
      const { stdout } = await run((await consulBinary()).path, ['snapshot', 'inspect', out]);
      expect(stdout).toContain(String((await readSnapshot(snapshotId)).raftIndex));

      const cut = join(folder, 'cut.tgz');
      await writeFile(file, stored.subarray(0, stored.length - 100));
      expect(await decrypt({ root: folder, args: [...args.slice(0, -1), cut] })).toBe(1);
      stored[stored.length >> 1] = (stored[stored.length >> 1] ?? 0) ^ 1;
      await writeFile(file, stored);
      expect(await decrypt({ root: folder, args: [...args.slice(0, -1), cut] })).toBe(1);
      await expect(readFile(cut)).rejects.toMatchObject({ code: 'ENOENT' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('shows a link once, and needs the key that goes with it', async () => {
    const { requester, dependencies } = world;
    const snapshotId = await takenSnapshot();
    const linking = (): WorkflowTrial<Services> => ({
      ...world,
      request: async () => (await within((tx) => requestSnapshotLink(tx, { requester, snapshotId }))).id,
      verify: async (operationId) => {
        const read = () => within((tx) => getSnapshotLink(tx, dependencies.secrets, { requester, operationId }));
        expect(await read()).toMatchObject({ snapshotId });
        await expect(read()).rejects.toMatchObject({ code: 'ResourceNotFound' });
      },
    });
    await everyStepTwice(linking());
    await killedAtEveryStep(linking());
  });
});

describe('drill-snapshot', () => {
  it('proves a good snapshot, every step carried out twice or its worker dying at it, and keeps what came of it', async () => {
    const { requester } = world;
    const snapshotId = await takenSnapshot();
    const drilling = (): WorkflowTrial<Services> => ({
      ...world,
      request: async () => (await within((tx) => requestDrill(tx, { requester, snapshotId }))).id,
      verify: async () => {
        expect((await readSnapshot(snapshotId)).lastDrill).toMatchObject({ passed: true, tokens: 3 });
      },
    });
    await everyStepTwice(drilling());
    await killedAtEveryStep(drilling());
  });

  it('says so when the snapshot cannot be read with its key', async () => {
    const { requester, database } = world;
    const snapshotId = await takenSnapshot();
    await database.prisma.snapshot.update({
      where: { id: snapshotId },
      data: { sha256: randomBytes(32).toString('hex') },
    });
    const operation = await within((tx) => requestDrill(tx, { requester, snapshotId }));
    expect(await world.drive(operation.id)).toMatchObject({ state: 'Failed', errorCode: 'DrillFailed' });
    expect((await readSnapshot(snapshotId)).lastDrill).toMatchObject({ passed: false });
  });

  it('says nothing against a snapshot that could not be tried', async () => {
    const { requester, database } = world;
    const snapshotId = await takenSnapshot();
    const noProgram = { consulVersion: '1.8.3' };
    await database.prisma.snapshot.update({ where: { id: snapshotId }, data: noProgram });
    const operation = await within((tx) => requestDrill(tx, { requester, snapshotId }));
    expect(await world.drive(operation.id)).toMatchObject({ state: 'Failed', errorCode: 'DrillNotPossible' });
    expect((await readSnapshot(snapshotId)).lastDrill).toBeNull();
  });
});

describe('snapshots of a cluster that is deleted', () => {
  it('stay with a final one in storage of their own, and take it with them in the end', async () => {
    const { requester, database, dependencies } = world;
    const id = await readyCluster();
    const first = await takenSnapshot(id);
    const wish = { requester, clusterId: id, finalSnapshot: true };
    const deletion = await within((tx) => requestDeleteCluster(tx, wish));
    await succeed(deletion ?? '');
    await verifyDeletedCluster(world, id);
    const left = await database.prisma.snapshot.findMany({ where: { clusterId: id, deletedAt: null }, orderBy: { id: 'asc' } });
    expect(left.map(({ kind, state }) => `${kind} ${state}`).sort()).toEqual(['FINAL VERIFIED', 'MANUAL VERIFIED']);
    const where = { id: world.installationId };
    const { subscriptionId, resourceGroup } = await database.prisma.installation.findUniqueOrThrow({ where });
    const kept = () => dependencies.azure.inSubscription(subscriptionId).resources.listByTag(resourceGroup, SNAPSHOTS_TAG, id);
    expect(await kept()).toHaveLength(1);
    expect((await fetch((await linkTo(first)).url)).status).toBe(200);
    const requestEnd = async ({ id: snapshotId }: { id: string }) =>
      (await within((tx) => requestDeleteSnapshot(tx, { requester, snapshotId }))).id;
    await Promise.all((await Promise.all(left.map(requestEnd))).map(succeed));
    expect(await kept()).toEqual([]);
    expect(await database.prisma.secret.count({ where: { owner: snapshotSecretsOwner(id) } })).toBe(0);
  });
});
