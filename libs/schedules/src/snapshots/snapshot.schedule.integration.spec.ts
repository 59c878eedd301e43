import { OPERATION_KINDS, setSchedule, type OperationKind } from '@managed-consul/clusters';
import { hours, minutes, seconds } from '@managed-consul/config';
import { createLogger } from '@managed-consul/observability';
import { FakeClock, NotedBell, RowBench } from '@managed-consul/testing';
import type { OperationRecord } from '@managed-consul/workflow-engine';
import { createWorkflowHost, type WorkflowDependencies } from '@managed-consul/workflows';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DueWork } from '../due-work';
import type { ScheduleDependencies } from '../schedule';
import { nextSnapshotAt, snapshotSchedule } from './snapshot.schedule';

const START = new Date('2026-06-01T00:00:00Z');
const log = createLogger({ app: 'tests', level: 'silent' });
const { takeSnapshot, resumeCluster, upgradeCluster } = OPERATION_KINDS;

let bench: RowBench;
let clock: FakeClock;
let bell: NotedBell;
let clusterId: string;
let work: DueWork;

beforeAll(async () => {
  bench = await RowBench.open();
});
afterAll(() => bench.close());

/** A cluster whose snapshot is due now. */
beforeEach(async () => {
  const { database } = bench;
  await database.prisma.clusterSchedule.deleteMany();
  [clock, bell] = [new FakeClock(START), new NotedBell()];
  clusterId = await bench.newCluster({ createdAt: START });
  await database.prisma.$transaction((tx) => setSchedule(tx, clusterId, 'snapshot', START));
  const schedules = [snapshotSchedule({ database, bell, clock } as unknown as ScheduleDependencies)];
  work = new DueWork({ database, clock, log, every: seconds(1), schedules });
});

const now = () => clock.now();
const later = (by: number) => new Date(now().getTime() + by);
const row = () => bench.database.prisma.clusterSchedule.findFirstOrThrow({ where: { clusterId } });
const nextTurn = async () =>
  nextSnapshotAt(await bench.database.prisma.cluster.findUniqueOrThrow({ where: { id: clusterId } }), now());
const snapshots = () => bench.database.prisma.snapshot.findMany({ where: { clusterId }, orderBy: { createdAt: 'asc' } });

/** Ends the cluster's unfinished operation, as the engine does. */
async function end(kind: OperationKind, state: 'Succeeded' | 'Failed'): Promise<void> {
  const { prisma } = bench.database;
  const host = createWorkflowHost({ database: bench.database } as WorkflowDependencies, { clock, log });
  const where = { clusterId, kind, finishedAt: null };
  const operation = (await prisma.operation.findFirstOrThrow({ where })) as unknown as OperationRecord;
  const error = { code: 'SnapshotFailed', message: 'Nothing came of it.', step: 'snapshotIsVerified' };
  await prisma.$transaction(async (tx) => {
    await tx.operation.update({ where: { id: operation.id }, data: { state, finishedAt: now(), wakeAt: null } });
    await host.recordOutcome(tx, operation, state === 'Failed' ? { state, error } : { state });
  });
  if (kind !== takeSnapshot || state === 'Failed') return;
  await prisma.snapshot.updateMany({ where: { clusterId, state: 'QUEUED' }, data: { state: 'VERIFIED', verifiedAt: now() } });
}

describe('the snapshot of the schedule', () => {
  it('that failed is tried again in five minutes, then ever later, and stays due since it first was', async () => {
    await work.runDue();
    expect(await row()).toMatchObject({ dueAt: await nextTurn() });
    await end(takeSnapshot, 'Failed');
    expect(await row()).toMatchObject({ dueAt: START, lookAt: later(minutes(5)) });
    clock.advance(minutes(5));
    await work.runDue();
    await end(takeSnapshot, 'Failed');
    expect(await row()).toMatchObject({ lookAt: later(minutes(10)) });
    clock.advance(minutes(10));
    await work.runDue();
    expect((await snapshots()).map(({ state }) => state)).toEqual(['FAILED', 'FAILED', 'QUEUED']);
    await end(takeSnapshot, 'Succeeded');
    const turn = await nextTurn();
    expect(await row()).toMatchObject({ dueAt: turn, lookAt: turn });
    expect(bell.rung).toHaveLength(3);
  });

  it('that another operation holds up stays due, is tried every minute, and says so when it comes late', async () => {
    await bench.newOperation(clusterId, { kind: upgradeCluster, state: 'Running' });
    await work.runDue();
    expect(await row()).toMatchObject({ dueAt: START, lookAt: later(minutes(1)) });
    clock.advance(hours(25));
    await work.runDue();
    expect(await row()).toMatchObject({ dueAt: START, lookAt: later(minutes(1)) });
    await end(upgradeCluster, 'Succeeded');
    clock.advance(minutes(1));
    await work.runDue();
    expect(await snapshots()).toHaveLength(1);
    const late = await bench.database.prisma.clusterEvent.findFirst({ where: { clusterId, type: 'SnapshotLate' } });
    expect(late?.message).toContain(`due at ${START.toISOString()}`);
  });

  it('of a cluster that was suspended for long is taken when it runs again, but not when a good one is young enough', async () => {
    const { prisma } = bench.database;
    const power = (powerState: 'Running' | 'Suspended') =>
      prisma.cluster.update({ where: { id: clusterId }, data: { powerState } });
    await power('Suspended');
    await work.runDue();
    expect(await snapshots()).toEqual([]);
    clock.advance(hours(240));
    await work.runDue();
    await power('Running');
    await bench.newOperation(clusterId, { kind: resumeCluster, state: 'Running' });
    await end(resumeCluster, 'Succeeded');
    expect(await row()).toMatchObject({ dueAt: now(), lookAt: now() });
    await work.runDue();
    await end(takeSnapshot, 'Succeeded');
    expect(await snapshots()).toMatchObject([{ state: 'VERIFIED', kind: 'SCHEDULED' }]);

    clock.advance(minutes(1));
    const before = await row();
    await bench.newOperation(clusterId, { kind: resumeCluster, state: 'Running' });
    await end(resumeCluster, 'Succeeded');
    expect(await row()).toEqual(before);
  });
});
