import { requestRootToken, secretOwnerOf } from '@managed-consul/clusters';
import type { SecretValue } from '@managed-consul/config';
import { TerminalError } from '@managed-consul/errors';
import {
  driveToEnd,
  everyStepTwice,
  failedAtEveryStepThenDeletable,
  killedAtEveryStep,
  type WorkflowTrial,
} from '@managed-consul/testing';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consulThroughAgent, verifyDeletedCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

let world: WorkflowWorld;
/** A cluster of three servers that the trials share: a new token is as good as a new world. */
let clusterId: string;
/** What the customer was shown, newest last. */
const shown: SecretValue[] = [];

async function readyCluster(servers: number): Promise<string> {
  const created = await world.requestCluster(servers);
  expect((await world.drive(created.operationId)).state).toBe('Succeeded');
  return created.clusterId;
}

async function requestToken(id: string): Promise<string> {
  const { database, dependencies, requester } = world;
  const requested = await database.prisma.$transaction((tx) =>
    requestRootToken(tx, dependencies.secrets, { requester, clusterId: id }),
  );
  shown.push(requested.secretId);
  return requested.operation.id;
}

async function isAccepted(secret: SecretValue): Promise<boolean[]> {
  const servers = await world.database.prisma.server.findMany({ where: { clusterId } });
  return Promise.all(
    servers.map(async (server) => (await consulThroughAgent(world, clusterId, server, secret)).accessControl.isAccepted()),
  );
}

async function verifyOnlyNewestWorks(): Promise<void> {
  const newest = shown.at(-1);
  for (const secret of shown) expect(await isAccepted(secret)).toEqual(Array.from({ length: 3 }, () => secret === newest));
  const tokens = await world.database.prisma.rootToken.findMany({ where: { clusterId } });
  expect(tokens.filter(({ state }) => state === 'Active')).toHaveLength(1);
  expect(tokens.filter(({ state }) => state === 'Pending')).toHaveLength(0);
  const kept = { owner: secretOwnerOf(clusterId), purpose: { startsWith: 'root-token/' } };
  expect(await world.database.prisma.secret.count({ where: kept })).toBe(0);
}

beforeAll(async () => {
  world = await openWorkflowWorld();
  clusterId = await readyCluster(3);
});
afterAll(() => world.stop());

const renewal = (): WorkflowTrial<Services> => ({
  ...world,
  request: () => requestToken(clusterId),
  verify: verifyOnlyNewestWorks,
});

describe('create-root-token', () => {
  it('makes the new token and leaves the old ones worthless on every server, every step carried out twice', async () => {
    await everyStepTwice(renewal());
    await everyStepTwice(renewal());
  });

  it('does so when its worker dies before, in and after every step', async () => {
    const points = await killedAtEveryStep(renewal());
    expect(points.map(({ name }) => name)).toContain('recordRootToken');
  });

  it('revokes what an attempt that failed half-way left behind', async () => {
    const failing = {
      reached: (point: string, step: { name: string }) => {
        if (point === 'after-effect' && step.name === 'everyServerAcceptsRootToken')
          throw new TerminalError('FailedOnTrial', 'It failed.');
      },
    };
    expect((await driveToEnd(world, await requestToken(clusterId), failing)).state).toBe('Failed');
    const [halfMade] = shown.slice(-1);
    expect(halfMade && (await isAccepted(halfMade))).toEqual([true, true, true]);
    expect((await world.drive(await requestToken(clusterId))).state).toBe('Succeeded');
    await verifyOnlyNewestWorks();
  });

  it('can fail at any step, and the cluster can still be deleted', async () => {
    const trial = { ...renewal(), request: async () => requestToken(await readyCluster(1)) };
    const clusterOf = async (operationId: string) =>
      (await world.database.prisma.operation.findUniqueOrThrow({ where: { id: operationId } })).clusterId ?? '';
    const failed = await failedAtEveryStepThenDeletable(trial, {
      kind: 'create-root-token',
      requestDelete: async (operationId) => world.requestDelete(await clusterOf(operationId)),
      verifyDeleted: async (operationId) => verifyDeletedCluster(world, await clusterOf(operationId)),
      inParallel: 3,
    });
    expect(failed).toContain('revokePreviousTokens');
  });
});
