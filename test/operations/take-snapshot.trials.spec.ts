import { snapshotSecretsOwner } from '@managed-consul/snapshots';
import { requestTakeSnapshot } from '@managed-consul/snapshots';
import { everyStepTwice, killedAtEveryStep, type WorkflowTrial } from '@managed-consul/testing';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

let world: WorkflowWorld;
let clusterId: string;

beforeAll(async () => {
  world = await openWorkflowWorld();
  const created = await world.requestCluster(1);
  expect((await world.drive(created.operationId)).state).toBe('Succeeded');
  clusterId = created.clusterId;
});
afterAll(() => world.stop());

const snapshotOf = async (operationId: string) => {
  const { prisma } = world.database;
  const { input } = await prisma.operation.findUniqueOrThrow({ where: { id: operationId } });
  return prisma.snapshot.findUniqueOrThrow({ where: { id: (input as { snapshotId: string }).snapshotId } });
};

const taking = (): WorkflowTrial<Services> => ({
  ...world,
  request: async () => {
    const { requester, database } = world;
    return (await database.prisma.$transaction((tx) => requestTakeSnapshot(tx, { requester, clusterId }))).operation.id;
  },
  verify: async (operationId) => {
    const snapshot = await snapshotOf(operationId);
    expect(snapshot).toMatchObject({ state: 'VERIFIED', kind: 'MANUAL', consulVersion: '1.8.7', failureCode: null });
    expect(snapshot.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(Number(snapshot.raftIndex)).toBeGreaterThan(0);
    const owner = snapshotSecretsOwner(clusterId);
    expect(await world.database.prisma.secret.count({ where: { owner, purpose: `content-key/${snapshot.id}` } })).toBe(1);
  },
});

describe('take-snapshot', () => {
  it('ends with a verified snapshot when every step is carried out twice', () => everyStepTwice(taking()));

  it('ends so when its worker dies before, in and after every step', async () => {
    const points = await killedAtEveryStep(taking());
    expect(points.map(({ name }) => name)).toContain('snapshotIsVerified');
  });
});
