import { minutes, seconds, systemClock } from '@managed-consul/config';
import { azureResourcesSchema } from '@managed-consul/api-contract';
import { requestRepair, type Condition } from '@managed-consul/clusters';
import { TerminalError } from '@managed-consul/errors';
import { createSchedules, DueWork, type Schedule } from '@managed-consul/schedules';
import { driveToEnd, killedAtEveryStep, until, type WorkflowTrial } from '@managed-consul/testing';
import type { BoundaryPoint } from '@managed-consul/workflow-engine';
import type { Services } from '@managed-consul/workflows';
import { closeHour, SERVICE_INSTANCES } from '@managed-consul/usage';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { azureAccidents } from '../support/azure-accidents';
import { quickCluster } from '../support/changing-cluster';
import { ConsulContents } from '../support/consul-contents';
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
  clusterId = await quickCluster(world, 3);
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

/** What operators are shown of the cluster in Azure: what is not as it should be, and what is. */
async function inventory() {
  const { resources } = await world.database.prisma.azureInventory.findUniqueOrThrow({ where: { clusterId } });
  const { value } = azureResourcesSchema.parse({ seenAt: null, value: resources });
  const odd = value.filter(({ drift }) => drift !== 'None').map(({ type, drift }) => `${drift} ${type.split('/').at(-1)}`);
  return { odd, kinds: value.map(({ type, state }) => `${type.split('/').at(-1)} ${state}`) };
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

/** As if the service had repaired the cluster so often a moment ago. */
async function repairedBefore(times: number): Promise<void> {
  const { installationId } = await readCluster();
  const about = { kind: 'repair-cluster', clusterId, installationId, subject: `cluster/${clusterId}` };
  const ended = { state: 'Succeeded' as const, wakeAt: null, requestedBy: 'schedule/observe', finishedAt: new Date() };
  await world.database.prisma.operation.createMany({ data: Array.from({ length: times }, () => ({ ...about, ...ended })) });
}

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
    const { odd, kinds } = await inventory();
    expect(odd).toEqual([]);
    expect(kinds.filter((kind) => kind === 'virtualMachines Succeeded')).toHaveLength(3);
    expect(kinds).toEqual(expect.arrayContaining(['networkSecurityGroups Succeeded', 'virtualMachineScaleSets Succeeded']));
    const { serverRecords } = await readCluster();
    expect(serverRecords.map(({ raftRole }) => raftRole).sort()).toEqual(['leader', 'voter', 'voter']);
    expect(serverRecords.every(({ healthy }) => healthy)).toBe(true);
    expect(await world.database.prisma.operation.count({ where: { clusterId, kind: 'repair-cluster' } })).toBe(0);
  });
});

describe('the services of a cluster', () => {
  it('are counted by the observer, and the ledger has the most of them that it saw', async () => {
    const contents = new ConsulContents(world, clusterId);
    const { prisma } = world.database;
    await contents.fill('red');
    await contents.fill('blue');
    await look('observe');
    const peak = await prisma.serviceInstancePeak.findFirstOrThrow({ where: { clusterId, instances: 2 } });
    await contents.clear('red');
    await contents.clear('blue');
    await look('observe');
    // The next look may lie in the next hour.
    const last = await prisma.serviceInstancePeak.findFirst({ where: { clusterId }, orderBy: { hour: 'desc' } });
    expect(last).toMatchObject({ last: 0 });
    await closeHour(world.database, peak.hour, new Date());
    const where = { clusterId, hour: peak.hour, meter: SERVICE_INSTANCES };
    const { seconds: ran, quantity } = await prisma.usageRecord.findFirstOrThrow({ where });
    expect(ran).toBeGreaterThan(0);
    expect(quantity.toNumber()).toBe(2 * ran);
  });
});

describe('repair-cluster', () => {
  it('puts altered security rules back and takes a strange machine away without touching a server', async () => {
    const before = (await readCluster()).serverRecords.map(({ vmId }) => vmId).sort();
    await accidents().addMachine(clusterId);
    await accidents().alterSecurityRules(clusterId);
    const id = await repairIsRequested();
    expect(await condition('InfrastructureInSync')).toBe('False ResourceAltered');
    expect((await inventory()).odd.sort()).toEqual(['Altered networkSecurityGroups', 'Unexpected virtualMachines']);
    expect((await world.drive(id)).state).toBe('Succeeded');
    expect(await accidents().securityRules(clusterId)).toMatchObject({ 'allow-https': 'Allow' });
    await look('inspect');
    expect(await condition('InfrastructureInSync')).toBe('True AsMade');
    expect((await readCluster()).serverRecords.map(({ vmId }) => vmId).sort()).toEqual(before);
    expect(await accidents().machines(clusterId)).toEqual(before);
  });

  it('ends the same when every step is carried out twice and its worker dies before, in and after each', async () => {
    const points = await killedAtEveryStep(repair(), { twice: true });
    expect(points.map(({ name }) => name)).toContain('recordNewServer');
  });

  it('can fail before it has mended Azure or between taking a server out and adding one, and the next goes on', async () => {
    await forgetRepairs();
    await accidents().alterSecurityRules(clusterId);
    expect(await driveToEnd(world, await repairIsRequested(), failingAfter('startRedeployment'))).toMatchObject(FAILED);
    await loseServer();
    expect(await driveToEnd(world, await repairIsRequested(), failingAfter('unfinishedServersAreCleared'))).toMatchObject(FAILED);
    expect((await readCluster()).servers).toBe(2);
    expect((await world.drive(await repairIsRequested())).state).toBe('Succeeded');
    await verifyWhole();
  });

  it('is not asked for again after five that did not last, which the cluster tells; a person still can', async () => {
    await forgetRepairs();
    await repairedBefore(5);
    await accidents().alterSecurityRules(clusterId);
    await until(
      async () => {
        await look('inspect');
        return (await condition('InfrastructureInSync')) === 'False RepairSuspended';
      },
      { within: minutes(1), because: 'the service gives the repair up' },
    );
    await look('inspect');
    expect(await world.database.prisma.operation.count({ where: { clusterId, state: { in: ['Pending', 'Running'] } } })).toBe(0);
    const asked = await world.database.prisma.$transaction((tx) => requestRepair(tx, { requester: world.requester, clusterId }));
    expect(await world.drive(asked.id)).toMatchObject({ state: 'Succeeded' });
    await look('inspect');
    expect(await condition('InfrastructureInSync')).toBe('True AsMade');
    await verifyWhole();
  });
});

describe('without anyone asking', () => {
  const often = { observeEvery: seconds(1), inspectEvery: seconds(2), repairAfter: seconds(5) };
  let work: DueWork;

  /** Schedules look by themselves, and what they ask for is carried out, as in a worker. */
  beforeAll(async () => {
    await forgetRepairs();
    const { database, dependencies, log } = world;
    const bell = { ring: async ({ id }: { id: string }) => void world.drive(id) };
    const all = createSchedules({ ...dependencies, bell, database, log, clock: systemClock, ...often });
    const looking = all.filter(({ kind }) => kind === 'observe' || kind === 'inspect');
    work = new DueWork({ database, schedules: looking, log, every: 250 });
    work.start();
  });
  afterAll(() => work.stop());

  const isWell = async () =>
    (await condition('Available')) === 'True LeaderElected' &&
    (await condition('Degraded')) === 'False AllServersHealthy' &&
    (await condition('InfrastructureInSync')) === 'True AsMade' &&
    (await world.database.prisma.operation.count({ where: { clusterId, state: { in: ['Pending', 'Running'] } } })) === 0;

  async function timeToRepair(what: string, isRepaired: () => Promise<boolean>): Promise<void> {
    const since = Date.now();
    await until(async () => (await isRepaired()) && (await isWell()), { within: minutes(2), because: `${what} is repaired` });
    console.log(`self-repair: ${what}: ${((Date.now() - since) / 1000).toFixed(1)} s`);
  }

  it('starts a server process again that was killed', async () => {
    const [server] = (await readCluster()).serverRecords;
    const agent = await world.dependencies.agents.find(clusterId, server?.vmId ?? '');
    const { pid } = (await agent.state()).consul;
    process.kill(pid ?? 0, 'SIGKILL');
    await timeToRepair('a killed server process', async () => {
      const { consul } = await agent.state();
      return consul.running && consul.pid !== pid;
    });
  });

  it('replaces a machine that was deleted', async () => {
    const lost = await loseServer();
    await timeToRepair('a deleted machine', async () => {
      const { serverRecords } = await readCluster();
      return (
        serverRecords.length === 3 && serverRecords.every(({ vmId, membership }) => vmId !== lost && membership === 'Member')
      );
    });
    await verifyWhole();
  });

  it('puts security rules back that were altered', async () => {
    await accidents().alterSecurityRules(clusterId);
    await timeToRepair('altered security rules', async () => !('open' in (await accidents().securityRules(clusterId))));
    expect(await accidents().securityRules(clusterId)).toMatchObject({ 'allow-https': 'Allow' });
  });
});
