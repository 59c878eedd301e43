import { requestRotation, ROTATION_KINDS, ROTATION_TARGETS, secretOwnerOf, type RotationTarget } from '@managed-consul/clusters';
import { TerminalError } from '@managed-consul/errors';
import { driveToEnd, everyStepTwice, killedAtEveryStep, type WorkflowTrial } from '@managed-consul/testing';
import { stepsOf } from '@managed-consul/workflow-engine';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { observeServers } from '../support/server-observer';
import { startSteadyWriter, type WriterTarget } from '../support/steady-writer';
import { consulThroughAgent, verifyDeletedCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

const OFFERED = ROTATION_TARGETS;

let world: WorkflowWorld;
/** Three servers under a writer. */
let clusterId: string;

beforeAll(async () => {
  world = await openWorkflowWorld();
  clusterId = await readyCluster(3);
});
afterAll(() => world.stop());

async function readyCluster(servers: number): Promise<string> {
  const created = await world.requestCluster(servers);
  expect((await world.drive(created.operationId)).state).toBe('Succeeded');
  return created.clusterId;
}

async function request(what: RotationTarget, id: string): Promise<string> {
  const { database, requester } = world;
  return (await database.prisma.$transaction((tx) => requestRotation(tx, { requester, clusterId: id, what }))).id;
}
