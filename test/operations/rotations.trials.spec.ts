import { readClientBundle, requestRotation, ROTATION_KINDS, secretOwnerOf, type RotationTarget } from '@managed-consul/clusters';
import { TerminalError } from '@managed-consul/errors';
import { driveToEnd, everyStepTwice, killedAtEveryStep, type WorkflowTrial } from '@managed-consul/testing';
import { stepsOf } from '@managed-consul/workflow-engine';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inForce } from '../support/rotation-verification';
import { observeServers } from '../support/server-observer';
import { startSteadyWriter, type WriterTarget } from '../support/steady-writer';
import { verifyDeletedCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

/** The authority last: what was signed before is renewed with it. */
const ALL: RotationTarget[] = ['GossipKey', 'AgentTokens', 'ConnectAuthority', 'ServerCertificates', 'CertificateAuthority'];

let world: WorkflowWorld;

beforeAll(async () => {
  world = await openWorkflowWorld();
});
afterAll(() => world.stop());

async function readyCluster(servers: number): Promise<string> {
  const created = await world.requestCluster(servers);
  expect((await world.drive(created.operationId)).state).toBe('Succeeded');
  return created.clusterId;
}

async function request(what: RotationTarget, clusterId: string): Promise<string> {
  const { database, requester } = world;
  return (await database.prisma.$transaction((tx) => requestRotation(tx, { requester, clusterId, what }))).id;
}

/** The rotation as a trial: each must bring something new into force. */
function rotationOf(what: RotationTarget, clusterId: string, beforehand = async () => {}): WorkflowTrial<Services> {
  let before: string | undefined;
  return {
    ...world,
    request: async () => {
      await beforehand();
      return request(what, clusterId);
    },
    verify: async () => {
      const now = await inForce(world, what, clusterId);
      expect(now).not.toBe(before);
      before = now;
    },
  };
}

async function writerTarget(clusterId: string): Promise<WriterTarget> {
  const { database, dependencies, requester } = world;
  const cluster = await database.prisma.cluster.findUniqueOrThrow({ where: { id: clusterId }, include: { serverRecords: true } });
  const { caPem } = await readClientBundle(database, dependencies.secrets, { requester, clusterId });
  const token = (await dependencies.secrets.get(secretOwnerOf(clusterId), 'management-token')).reveal();
  const addresses = cluster.serverRecords.map(({ address }) => address);
  return { addresses, datacenter: cluster.datacenter, ca: caPem, token };
}

describe('a cluster of three servers under a writer', () => {
  let clusterId: string;
  /** As a customer knows the cluster who fetches the client bundle once before each rotation. */
  let known: WriterTarget;
  const fetchBundle = async (): Promise<void> => {
    known = await writerTarget(clusterId);
  };
  beforeAll(async () => {
    clusterId = await readyCluster(3);
    await fetchBundle();
  });

  it.each(ALL)(
    'renews its %s without losing a write, every step carried out twice, and though its worker dies at every step',
    async (what) => {
      const writer = startSteadyWriter(() => known);
      const observer = observeServers(() => known);
      const trial = rotationOf(what, clusterId, fetchBundle);
      await everyStepTwice(trial);
      await killedAtEveryStep(trial);
      const written = await writer.stop();
      const observed = await observer.stop();
      console.info(`rotation of ${what}: longest gap ${written.longestGap.toFixed(0)} ms, ${written.acknowledged} writes`);
      expect(written.lost).toEqual([]);
      expect(observed.violations).toEqual([]);
    },
  );
});

describe('a rotation that fails at any step', () => {
  /** Fails the rotation after the effect of `step`. */
  async function failAt(what: RotationTarget, clusterId: string, step: string): Promise<void> {
    const reached = (point: string, { name }: { name: string }) => {
      if (point === 'after-effect' && name === step) throw new TerminalError('FailedOnTrial', 'It failed.');
    };
    const failed = await driveToEnd(world, await request(what, clusterId), { reached });
    expect(failed, step).toMatchObject({ state: 'Failed', errorCode: 'FailedOnTrial' });
  }

  async function failEverywhere(what: RotationTarget): Promise<void> {
    const clusterId = await readyCluster(1);
    const trial = rotationOf(what, clusterId);
    const workflow = world.host.workflows.get(ROTATION_KINDS[what]);
    for (const { name } of stepsOf(workflow?.steps ?? [])) {
      await failAt(what, clusterId, name);
      expect(await world.drive(await trial.request()), `after ${name}`).toMatchObject({ state: 'Succeeded' });
      await trial.verify('');
    }
    await failAt(what, clusterId, 'everyServerTakesPart');
    expect((await world.drive(await world.requestDelete(clusterId))).state).toBe('Succeeded');
    await verifyDeletedCluster(world, clusterId);
  }

  it('is made good by the next one, and the cluster can be deleted', async () => {
    await Promise.all(ALL.map(failEverywhere));
  });
});
