import { OPERATION_KINDS, setSchedule } from '@managed-consul/clusters';
import { hours, seconds } from '@managed-consul/config';
import { createLogger } from '@managed-consul/observability';
import { FakeClock, NotedBell, RowBench } from '@managed-consul/testing';
import type { OperationRecord } from '@managed-consul/workflow-engine';
import { createWorkflowHost, type WorkflowDependencies } from '@managed-consul/workflows';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DueWork } from '../due-work';
import type { ScheduleDependencies } from '../schedule';
import { drillSchedule } from './drill.schedule';

const START = new Date('2026-06-01T00:00:00Z');
const A_WEEK = hours(7 * 24);
const log = createLogger({ app: 'tests', level: 'silent' });

let bench: RowBench;
let clock: FakeClock;
let clusterId: string;
let work: DueWork;

beforeAll(async () => {
  bench = await RowBench.open();
});
afterAll(() => bench.close());

/** A cluster with a good snapshot whose drill is due now. */
beforeEach(async () => {
  const { database } = bench;
  await database.prisma.clusterSchedule.deleteMany();
  clock = new FakeClock(START);
  clusterId = await bench.newCluster({ createdAt: START });
  const { installationId } = await database.prisma.cluster.findUniqueOrThrow({ where: { id: clusterId } });
  await database.prisma.snapshot.create({
    data: {
      ...{ clusterId, installationId, consulVersion: '1.8.7', name: 'good', kind: 'SCHEDULED', state: 'VERIFIED' },
      ...{ requestedBy: 'tests', createdAt: START, verifiedAt: START, expiresAt: new Date('2100-01-01T00:00:00Z') },
    },
  });
  await database.prisma.$transaction((tx) => setSchedule(tx, clusterId, 'drill', START));
  const schedules = [drillSchedule({ database, bell: new NotedBell(), clock } as unknown as ScheduleDependencies)];
  work = new DueWork({ database, clock, log, every: seconds(1), schedules });
});

const later = (by: number) => new Date(clock.now().getTime() + by);
const row = () => bench.database.prisma.clusterSchedule.findFirstOrThrow({ where: { clusterId } });

/** Lets the schedule ask for a drill and ends that, as the engine does. */
async function drillEnds(state: 'Succeeded' | 'Failed', code = ''): Promise<void> {
  await work.runDue();
  const { prisma } = bench.database;
  const host = createWorkflowHost({ database: bench.database } as WorkflowDependencies, { clock, log });
  const where = { clusterId, kind: OPERATION_KINDS.drillSnapshot, finishedAt: null };
  const operation = (await prisma.operation.findFirstOrThrow({ where })) as unknown as OperationRecord;
  const error = { code, message: 'Nothing came of it.', step: 'confirmDrillPassed' };
  const errorCode = state === 'Failed' ? code : null;
  await prisma.$transaction(async (tx) => {
    await tx.operation.update({
      where: { id: operation.id },
      data: { state, errorCode, createdAt: clock.now(), finishedAt: clock.now(), wakeAt: null },
    });
    await host.recordOutcome(tx, operation, state === 'Failed' ? { state, error } : { state });
  });
}

describe('the drill of the schedule', () => {
  it('comes a week after one that gave an answer, good or bad', async () => {
    await drillEnds('Succeeded');
    expect(await row()).toMatchObject({ dueAt: later(A_WEEK), lookAt: later(A_WEEK) });
    clock.advance(A_WEEK);
    await drillEnds('Failed', 'DrillFailed');
    expect(await row()).toMatchObject({ dueAt: later(A_WEEK), lookAt: later(A_WEEK) });
  });

  it('that was not possible is tried again in an hour, then ever later up to a day, and soon again after an answer', async () => {
    for (const inHours of [1, 2, 4, 8, 16, 24, 24]) {
      await drillEnds('Failed', 'DrillNotPossible');
      expect(await row()).toMatchObject({ lookAt: later(hours(inHours)) });
      clock.advance(hours(inHours));
    }
    await drillEnds('Succeeded');
    clock.advance(A_WEEK);
    await drillEnds('Failed', 'ClusterNotReady');
    expect(await row()).toMatchObject({ lookAt: later(hours(1)) });
  });
});
