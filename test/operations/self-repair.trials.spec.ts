import { minutes, systemClock } from '@managed-consul/config';
import type { Condition } from '@managed-consul/clusters';
import { TerminalError } from '@managed-consul/errors';
import { createSchedules, type Schedule } from '@managed-consul/schedules';
import { driveToEnd, everyStepTwice, killedAtEveryStep, until, type WorkflowTrial } from '@managed-consul/testing';
import type { BoundaryPoint } from '@managed-consul/workflow-engine';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { azureAccidents } from '../support/azure-accidents';
import { verifyReadyCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

let world: WorkflowWorld;
let schedules: readonly Schedule[];
let clusterId: string;

/** One cluster for all: each trial breaks it and finds it whole afterwards. */
beforeAll(async () => {
  world = await openWorkflowWorld();
  const { database, dependencies, log } = world;
  const often = { observeEvery: 1, inspectEvery: 1, repairAfter: 1 };
  schedules = createSchedules({ ...dependencies, database, log, clock: systemClock, ...often });
  const created = await world.requestCluster(3);
  clusterId = created.clusterId;
  expect((await world.drive(created.operationId)).state).toBe('Succeeded');
});
afterAll(() => world.stop());

const accidents = () => azureAccidents(world);
const readCluster = () =>
  world.database.prisma.cluster.findUniqueOrThrow({ where: { id: clusterId }, include: { serverRecords: true } });

async function look(kind: Schedule['kind']): Promise<void> {
  const schedule = schedules.find((one) => one.kind === kind);
  const now = new Date();
  await schedule?.run(clusterId, { now, dueAt: now, signal: AbortSignal.timeout(minutes(1)) });
}

async function condition(type: Condition['type']): Promise<string | undefined> {
  const conditions = (await readCluster()).conditions as unknown as Condition[];
  const found = conditions.find((one) => one.type === type);
  return found && `${found.status} ${found.reason}`;
}

/** Lets the schedules look until they ask for a repair; gives its id. */
async function repairIsRequested(): Promise<string> {
  const asked = await until(
    async () => {
      await look('observe');
      await look('inspect');
      const where = { clusterId, kind: 'repair-cluster', state: 'Pending' } as const;
      return world.database.prisma.operation.findFirst({ where });
    },
    { within: minutes(1), because: 'the service asks for a repair' },
  );
  return asked.id;
}

/** Repairs of earlier trials do not count against this one. */
const forgetRepairs = () =>
  world.database.pool.query("UPDATE operations SET finished_at = finished_at - interval '1 day' WHERE kind = 'repair-cluster'");

async function loseServer(): Promise<string> {
  const [lost] = (await readCluster()).serverRecords;
  if (!lost) throw new Error('The cluster has no server to lose.');
  await accidents().deleteMachine(clusterId, lost);
  return lost.vmId;
}

async function verifyWhole(): Promise<void> {
  await verifyReadyCluster(world, clusterId);
  expect(Object.keys(await accidents().securityRules(clusterId))).not.toContain('open');
}

/** A server is lost and the network is opened to the world. */
const repair = (): WorkflowTrial<Services> => ({
  ...world,
  request: async () => {
    await forgetRepairs();
    await accidents().alterSecurityRules(clusterId);
    await loseServer();
    return repairIsRequested();
  },
  verify: verifyWhole,
});

const FAILED = { state: 'Failed', errorCode: 'FailedOnTrial' };
const failingAfter = (step: string) => ({
  reached: (point: BoundaryPoint, { name }: { name: string }) => {
    if (name === step && point === 'after-effect') throw new TerminalError('FailedOnTrial', 'The trial failed the repair.');
  },
});

describe('a cluster that is well', () => {
  it('is found well, by every schedule, and nothing is asked for', async () => {
    for (const kind of ['observe', 'inspect', 'observe', 'inspect'] as const) await look(kind);
    expect(await condition('Available')).toBe('True LeaderElected');
    expect(await condition('Degraded')).toBe('False AllServersHealthy');
    expect(await condition('AgentsConnected')).toBe('True AllConnected');
    expect(await condition('CertificatesValid')).toBe('True InForce');
    expect(await condition('InfrastructureInSync')).toBe('True AsMade');
    const { serverRecords } = await readCluster();
    expect(serverRecords.map(({ raftRole }) => raftRole).sort()).toEqual(['leader', 'voter', 'voter']);
    expect(serverRecords.every(({ healthy }) => healthy)).toBe(true);
    expect(await world.database.prisma.operation.count({ where: { clusterId, kind: 'repair-cluster' } })).toBe(0);
  });
});

describe('repair-cluster', () => {
  it('puts altered security rules back without touching a server', async () => {
    const before = (await readCluster()).serverRecords.map(({ vmId }) => vmId).sort();
    await accidents().alterSecurityRules(clusterId);
    const id = await repairIsRequested();
    expect(await condition('InfrastructureInSync')).toBe('False ResourceAltered');
    expect((await world.drive(id)).state).toBe('Succeeded');
    expect(await accidents().securityRules(clusterId)).toMatchObject({ 'allow-https': 'Allow' });
    await look('inspect');
    expect(await condition('InfrastructureInSync')).toBe('True AsMade');
    expect((await readCluster()).serverRecords.map(({ vmId }) => vmId).sort()).toEqual(before);
  });

  it('ends the same when every step is carried out twice', () => everyStepTwice(repair()));

  it('ends the same when its worker dies before, in and after every step', async () => {
    const points = await killedAtEveryStep(repair());
    expect(points.map(({ name }) => name)).toContain('recordNewServer');
  });

  it('can fail before it has mended Azure or between taking a server out and adding one, and the next goes on', async () => {
    await forgetRepairs();
    await accidents().alterSecurityRules(clusterId);
    expect(await driveToEnd(world, await repairIsRequested(), failingAfter('startRedeployment'))).toMatchObject(FAILED);
    await loseServer();
    expect(await driveToEnd(world, await repairIsRequested(), failingAfter('unfinishedServersAreCleared'))).toMatchObject(FAILED);
    expect((await readCluster()).serverRecords).toHaveLength(2);
    expect((await world.drive(await repairIsRequested())).state).toBe('Succeeded');
    await verifyWhole();
  });
});
