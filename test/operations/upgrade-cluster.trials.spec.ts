import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { secretOwnerOf } from '@managed-consul/clusters';
import { TerminalError } from '@managed-consul/errors';
import { driveToEnd, everyStepTwice, killedAtEveryStep, type WorkflowTrial } from '@managed-consul/testing';
import { requestUpgrade } from '@managed-consul/upgrades';
import { stepsOf, type StepBoundary } from '@managed-consul/workflow-engine';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { offerProgram, offerRelabelledConsul } from '../support/relabelled-consul';
import { observeServers } from '../support/server-observer';
import { startSteadyWriter, type WriterTarget } from '../support/steady-writer';
import { consulThroughAgent, verifyDeletedCluster, verifyReadyCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

/** The first is what clusters are created with; all but the real one are relabelled builds. */
const VERSIONS = ['1.8.0', '1.8.1', '1.8.2', '1.8.3', '1.8.4', '1.8.5', '1.8.6', '1.8.7'] as const;
/** A program that Consul's own check would pass and that does not run. */
const BROKEN = '1.8.11';
/** The same of another line: servers never go back from it. */
const BROKEN_LINE = '1.9.1';

let world: WorkflowWorld;

async function offerVersions(): Promise<void> {
  const { database } = world;
  const place = { database, artifacts: world.world.folders.artifacts };
  for (const version of VERSIONS) if (version !== '1.8.7') await offerRelabelledConsul(place, version);
  const path = join(world.world.folders.runtime, 'consul-that-does-not-run');
  writeFileSync(path, '#!/bin/sh\n[ "$1" = validate ]\n');
  chmodSync(path, 0o755);
  for (const version of [BROKEN, BROKEN_LINE]) await offerProgram(place, { version, path });
  await database.prisma.consulVersion.update({ where: { version: '1.8.7' }, data: { status: 'AVAILABLE' } });
  await database.prisma.consulVersion.update({ where: { version: VERSIONS[0] }, data: { status: 'RECOMMENDED' } });
}

beforeAll(async () => {
  world = await openWorkflowWorld();
  await offerVersions();
});
afterAll(() => world.stop());

async function readyCluster(servers: number): Promise<string> {
  const created = await world.requestCluster(servers);
  expect((await world.drive(created.operationId)).state).toBe('Succeeded');
  return created.clusterId;
}

async function request(clusterId: string, consulVersion: string): Promise<string> {
  const { database, requester } = world;
  const operation = await database.prisma.$transaction((tx) => requestUpgrade(tx, { requester, clusterId, consulVersion }));
  return operation.id;
}

const readCluster = (id: string) =>
  world.database.prisma.cluster.findUniqueOrThrow({ where: { id }, include: { serverRecords: true } });

/** What Consul on each server says, not what the service has recorded. */
async function versionsRun(clusterId: string): Promise<string[]> {
  const token = await world.dependencies.secrets.get(secretOwnerOf(clusterId), 'management-token');
  const { serverRecords } = await readCluster(clusterId);
  return Promise.all(
    serverRecords.map(async (server) => (await (await consulThroughAgent(world, clusterId, server, token)).self()).version),
  );
}

async function verifyUpgraded(clusterId: string, version: string): Promise<void> {
  await verifyReadyCluster(world, clusterId);
  const cluster = await readCluster(clusterId);
  expect(cluster.consulVersion).toBe(version);
  expect(cluster.serverRecords.map(({ consulVersion }) => consulVersion)).toEqual(cluster.serverRecords.map(() => version));
  expect(await versionsRun(clusterId)).toEqual(cluster.serverRecords.map(() => version));
  const [newest] = await world.database.prisma.snapshot.findMany({
    where: { clusterId },
    orderBy: { createdAt: 'desc' },
    take: 1,
  });
  expect(newest).toMatchObject({ kind: 'SAFETY', state: 'VERIFIED' });
  const where = { clusterId_kind: { clusterId, kind: 'snapshot' } };
  const { dueAt } = await world.database.prisma.clusterSchedule.findUniqueOrThrow({ where });
  expect(dueAt.getTime(), 'when the snapshot after the upgrade is due').toBeLessThanOrEqual(Date.now());
}

const upgradeTo = (version: string, clusterId: string): WorkflowTrial<Services> => ({
  ...world,
  request: () => request(clusterId, version),
  verify: () => verifyUpgraded(clusterId, version),
});

/** Fails the operation after a step has acted; `server` counts the servers that have to reach it before. */
function failingAfter(step: string, server = 1): StepBoundary {
  let reached = 0;
  return {
    reached: (point: string, { name }: { name: string }) => {
      if (point !== 'after-effect' || name !== step) return;
      reached += 1;
      if (reached === server) throw new TerminalError('FailedOnTrial', `The trial failed ${step}.`);
    },
  };
}

async function writerTarget(clusterId: string): Promise<() => WriterTarget> {
  const owner = secretOwnerOf(clusterId);
  const { datacenter, serverRecords } = await readCluster(clusterId);
  const ca = await world.database.prisma.certificate.findFirstOrThrow({ where: { owner, purpose: 'ca' } });
  const token = (await world.dependencies.secrets.get(owner, 'management-token')).reveal();
  const addresses = serverRecords.map(({ address }) => address);
  return () => ({ addresses, datacenter, ca: ca.pem, token });
}

/** Runs the work under a writer and an observer, and throws if a write was lost or too many servers were down. */
async function unharmed(clusterId: string, work: () => Promise<unknown>): Promise<void> {
  const target = await writerTarget(clusterId);
  const [writer, observer] = [startSteadyWriter(target), observeServers(target)];
  try {
    await work();
  } finally {
    const [written, observed] = [await writer.stop(), await observer.stop()];
    console.info(`longest gap ${written.longestGap.toFixed(0)} ms in ${written.acknowledged} writes`);
    expect(written.lost).toEqual([]);
    expect(observed.violations).toEqual([]);
  }
}

describe('an upgrade of three servers under a writer', () => {
  let clusterId: string;
  beforeAll(async () => {
    clusterId = await readyCluster(3);
  });

  it('brings all to the new version and loses no write, every step carried out twice', async () => {
    await unharmed(clusterId, () => everyStepTwice(upgradeTo('1.8.1', clusterId)));
  });

  it('goes on where one that failed has stopped, though its worker dies before, in and after every step', async () => {
    await unharmed(clusterId, async () => {
      const failed = await driveToEnd(world, await request(clusterId, '1.8.2'), failingAfter('recordServerUpgrade', 2));
      expect(failed).toMatchObject({ state: 'Failed', errorCode: 'FailedOnTrial' });
      expect((await versionsRun(clusterId)).sort()).toEqual(['1.8.1', '1.8.2', '1.8.2']);
      const points = await killedAtEveryStep(upgradeTo('1.8.2', clusterId));
      expect(points.map(({ name }) => name)).toContain('recordUpgrade');
      // Only the server that was left is gone through.
      expect(new Set(points.map(({ item }) => item)).size).toBe(2);
    });
  });

  it('stops at a server that does not come up, puts it back and says who runs what; the next upgrade succeeds', async () => {
    await unharmed(clusterId, async () => {
      const failed = await driveToEnd(world, await request(clusterId, BROKEN), failingAfter('startServerUpgrade'));
      expect(failed).toMatchObject({ state: 'Failed', errorCode: 'FailedOnTrial' });
      expect(await versionsRun(clusterId)).toEqual(['1.8.2', '1.8.2', '1.8.2']);
      expect(await readCluster(clusterId)).toMatchObject({ provisioningState: 'Failed', consulVersion: '1.8.2' });
      const told = await world.database.prisma.clusterEvent.findFirst({
        where: { clusterId, type: 'UpgradeStopped' },
        orderBy: { id: 'desc' },
      });
      expect(told?.message).toMatch(/server-\d+, .*server-\d+, .*server-\d+: Consul 1\.8\.2\.$/);
      expect((await world.drive(await request(clusterId, '1.8.3'))).state).toBe('Succeeded');
      await verifyUpgraded(clusterId, '1.8.3');
    });
  });

  it('never goes back, to what is not on offer, or to what cannot be installed', async () => {
    await expect(request(clusterId, '1.8.2')).rejects.toMatchObject({ code: 'UpgradeNotNewer' });
    await expect(request(clusterId, '1.99.0')).rejects.toMatchObject({ code: 'VersionUnavailable' });
    await expect(request(clusterId, '1.16.6')).rejects.toMatchObject({ code: 'VersionUnavailable' });
    await expect(request(clusterId, '1.13.0')).rejects.toMatchObject({ code: 'VersionBlocked' });
  });

  it('remembers a server that has a program of another line and does not run: the earlier one is never started again', async () => {
    const failed = await driveToEnd(world, await request(clusterId, BROKEN_LINE), failingAfter('startServerUpgrade'));
    expect(failed).toMatchObject({ state: 'Failed', errorCode: 'FailedOnTrial' });
    const { consulVersion, serverRecords } = await readCluster(clusterId);
    expect(consulVersion).toBe('1.8.3');
    expect(serverRecords.map((server) => server.consulVersion).sort()).toEqual(['1.8.3', '1.8.3', BROKEN_LINE]);
  });
});

/** Fails one upgrade of a single server after the other, each in another step, then upgrades it for good and deletes it. */
async function failInEach(steps: readonly string[]): Promise<void> {
  const clusterId = await readyCluster(1);
  const { serverRecords } = await readCluster(clusterId);
  const nextVersion = async () => {
    const [running = ''] = await versionsRun(clusterId);
    return VERSIONS[VERSIONS.findIndex((version) => version === running) + 1] ?? '';
  };
  for (const step of steps) {
    const failed = await driveToEnd(world, await request(clusterId, await nextVersion()), failingAfter(step));
    expect([step, failed.state, failed.errorCode]).toEqual([step, 'Failed', 'FailedOnTrial']);
    expect((await readCluster(clusterId)).consulVersion).toBe((await versionsRun(clusterId))[0]);
  }
  const last = await nextVersion();
  expect((await world.drive(await request(clusterId, last))).state).toBe('Succeeded');
  await verifyUpgraded(clusterId, last);
  expect((await world.drive(await world.requestDelete(clusterId))).state).toBe('Succeeded');
  const addresses = serverRecords.map(({ address }) => address);
  await verifyDeletedCluster(world, clusterId, addresses);
}

it('can fail at any step: the next upgrade starts from what the servers run, and in the end the cluster can be deleted', async () => {
  const steps = stepsOf(world.host.workflows.get('upgrade-cluster')?.steps ?? []).map(({ name }) => name);
  expect(steps).toContain('upgradedServerRuns');
  const [even, odd] = [steps.filter((_, index) => index % 2 === 0), steps.filter((_, index) => index % 2 === 1)];
  await Promise.all([failInEach(even), failInEach(odd)]);
});
