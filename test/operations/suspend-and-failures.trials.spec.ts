import {
  OPERATION_KINDS,
  requestResize,
  requestResume,
  requestScale,
  requestSuspend,
  secretOwnerOf,
} from '@managed-consul/clusters';
import { minutes } from '@managed-consul/config';
import type { Server } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import { driveToEnd, killedAtEveryStep, until, type WorkflowTrial } from '@managed-consul/testing';
import { stepsOf } from '@managed-consul/workflow-engine';
import { findClusterRecord, lookAtAzure, type Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { azureAccidents } from '../support/azure-accidents';
import { ask, quickCluster } from '../support/changing-cluster';
import { listeningAddresses } from '../support/machine-processes';
import { consulThroughAgent, verifyDeletedCluster, verifyReadyCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

const RPC_PORT = 8300;
/** Clusters on which operations fail side by side. */
const SIDE_BY_SIDE = 4;
const SIZES = ['Standard_D2s_v3', 'Standard_D4s_v5'] as const;

let world: WorkflowWorld;
beforeAll(async () => {
  world = await openWorkflowWorld();
});
afterAll(() => world.stop());

const wish = (clusterId: string) => ({ requester: world.requester, clusterId });
const suspend = (clusterId: string) => ask(world, (tx) => requestSuspend(tx, wish(clusterId)));
const resume = (clusterId: string) => ask(world, (tx) => requestResume(tx, wish(clusterId)));
const toOneServer = (clusterId: string) => ask(world, (tx) => requestScale(tx, { ...wish(clusterId), servers: 1 }));

const readCluster = (clusterId: string) =>
  world.database.prisma.cluster.findUniqueOrThrow({ where: { id: clusterId }, include: { serverRecords: true } });

/** To the size that the server does not have. */
async function resize(clusterId: string): Promise<string> {
  const [server] = (await readCluster(clusterId)).serverRecords;
  const vmSize = SIZES.find((size) => size !== server?.vmSize) ?? SIZES[0];
  return ask(world, (tx) => requestResize(tx, { ...wish(clusterId), vmSize }));
}

async function succeed(operationId: string, because: string): Promise<void> {
  expect(await world.drive(operationId), because).toMatchObject({ state: 'Succeeded' });
}

async function keyOf(clusterId: string, key: string, through?: Server) {
  const server = through ?? (await readCluster(clusterId)).serverRecords[0];
  const token = await world.dependencies.secrets.get(secretOwnerOf(clusterId), 'management-token');
  if (!server) throw new Error('The cluster has no server.');
  const consul = await consulThroughAgent(world, clusterId, server, token);
  return { read: () => consul.readKey(key), write: (value: string) => consul.writeKey(key, value) };
}

/** Deletes the machine of one server while all are off; ends when Azure has it no more. */
async function loseSleepingMachine(clusterId: string): Promise<{ lost: Server; left: Server }> {
  const [lost, left] = (await readCluster(clusterId)).serverRecords;
  if (!lost || !left) throw new Error('The cluster has no server to lose.');
  const accidents = azureAccidents(world);
  await accidents.deleteMachine(clusterId, lost);
  const isGone = async () => !(await accidents.machines(clusterId)).includes(lost.vmId);
  await until(isGone, { within: minutes(1), because: 'Azure has deleted the machine' });
  return { lost, left };
}

/** What an inspection of Azure finds, as a repair would be asked for. */
async function whatIsWrong(clusterId: string): Promise<string[]> {
  const cluster = await findClusterRecord(world.database, clusterId);
  if (!cluster) throw new Error('The cluster is not on record.');
  return (await lookAtAzure({ ...world.dependencies, cluster })).map(({ reason, about }) => `${reason} ${about}`);
}

const suspension = (clusterId: string): WorkflowTrial<Services> => ({
  ...world,
  request: () => suspend(clusterId),
  verify: async () => {
    const { powerState, provisioningState, serverRecords } = await readCluster(clusterId);
    expect({ powerState, provisioningState }).toEqual({ powerState: 'Suspended', provisioningState: 'Succeeded' });
    const listening = new Set(listeningAddresses(RPC_PORT));
    expect(serverRecords.filter(({ address }) => listening.has(address))).toEqual([]);
  },
});

const resumption = (clusterId: string, value: string): WorkflowTrial<Services> => ({
  ...world,
  request: () => resume(clusterId),
  verify: async () => {
    expect(await readCluster(clusterId)).toMatchObject({ powerState: 'Running' });
    await verifyReadyCluster(world, clusterId);
    expect(await (await keyOf(clusterId, 'kept')).read()).toBe(value);
  },
});

describe.concurrent('a cluster', { timeout: minutes(7) }, () => {
  it('is suspended and comes back with its data, every step carried out twice, and though the worker dies at every step', async () => {
    const clusterId = await quickCluster(world, 3);
    await (await keyOf(clusterId, 'kept')).write('through the night');
    await killedAtEveryStep(suspension(clusterId), { twice: true });
    await killedAtEveryStep(resumption(clusterId, 'through the night'), { twice: true });

    await succeed(await suspend(clusterId), 'a suspension');
    const { lost, left } = await loseSleepingMachine(clusterId);
    await succeed(await resume(clusterId), 'a resume without one of three machines');
    const { powerState, serverRecords } = await readCluster(clusterId);
    expect({ powerState, members: serverRecords.length }).toEqual({ powerState: 'Running', members: 3 });
    expect(await (await keyOf(clusterId, 'kept', left)).read()).toBe('through the night');
    expect(await whatIsWrong(clusterId)).toEqual([`MachineGone ${lost.name}`]);
  });

  it('takes the next operation after one that failed at any step, and can be deleted', async () => {
    const stepsOfKind = (kind: string) =>
      stepsOf(world.host.workflows.get(kind)?.steps ?? []).map(({ name }) => ({ kind, name }));
    const { resizeCluster, suspendCluster, resumeCluster } = OPERATION_KINDS;
    const waiting = [resizeCluster, suspendCluster, resumeCluster].flatMap(stepsOfKind);

    const failAt = async (operationId: string, step: string) => {
      const reached = (point: string, { operation, name }: { operation: { id: string }; name: string }) => {
        if (operation.id === operationId && point === 'after-effect' && name === step)
          throw new TerminalError('FailedOnTrial', 'It failed.');
      };
      const failed = await driveToEnd(world, operationId, { reached });
      expect(failed, step).toMatchObject({ state: 'Failed', errorCode: 'FailedOnTrial' });
    };
    const tryOne = async (clusterId: string, { kind, name }: { kind: string; name: string }) => {
      if (kind === resizeCluster) {
        await failAt(await resize(clusterId), name);
        await succeed(await toOneServer(clusterId), `a scale after ${name} had failed`);
      } else {
        if (kind === resumeCluster) await succeed(await suspend(clusterId), 'a suspension');
        await failAt(await (kind === resumeCluster ? resume(clusterId) : suspend(clusterId)), name);
        const { powerState } = await readCluster(clusterId);
        const next = powerState === 'Suspended' ? resume(clusterId) : toOneServer(clusterId);
        await succeed(await next, `the next operation after ${name} had failed`);
      }
      await verifyReadyCluster(world, clusterId);
    };
    const worker = async () => {
      const clusterId = await quickCluster(world, 1);
      for (let next = waiting.shift(); next; next = waiting.shift()) await tryOne(clusterId, next);
      await failAt(await resize(clusterId), 'newServerRuns');
      await succeed(await world.requestDelete(clusterId), 'a delete');
      await verifyDeletedCluster(world, clusterId);
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  });
});
