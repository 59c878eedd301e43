import { randomBytes, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { AgentTask, AgentTaskStatus } from '@managed-consul/agent-protocol';
import { seconds } from '@managed-consul/config';
import { decryptSnapshot, SnapshotVerifier } from '@managed-consul/snapshot-archive';
import {
  createAgentTestBed,
  startTestBlobStorage,
  TestConsulCluster,
  until,
  type AgentTestBed,
  type TestBlobStorage,
  type TestServer,
} from '@managed-consul/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

const PATIENCE = { within: seconds(40) };

let bed: AgentTestBed;
let storage: TestBlobStorage;
let cluster: TestConsulCluster;
let server: TestServer;

beforeAll(async () => {
  bed = await createAgentTestBed();
  bed.balancer.setTargets([(await bed.startGateway()).agentPort]);
  storage = await startTestBlobStorage(bed);
  cluster = await TestConsulCluster.create(bed, 1);
  await cluster.start();
  server = cluster.servers[0]!;
});

afterAll(async () => {
  await cluster.destroy();
  await storage.close();
  await bed.close();
});

/** Starts a task and waits for its end, good or bad. */
async function run(task: AgentTask, id: string = randomUUID()): Promise<AgentTaskStatus> {
  await server.agent.startTask(id, task);
  return until(async () => {
    const status = await server.agent.findTask(id);
    return status !== undefined && status.state !== 'running' && status;
  }, PATIENCE);
}

const newKey = () => randomBytes(32).toString('base64');

function takeSnapshot(changes: Partial<AgentTask> = {}): Extract<AgentTask, { kind: 'take-snapshot' }> {
  const snapshotId = randomUUID();
  const blobUrl = storage.blob(snapshotId).url;
  return {
    kind: 'take-snapshot',
    snapshotId,
    consulToken: cluster.managementToken,
    contentKey: newKey(),
    blobUrl,
    ...changes,
  } as never;
}

/** The archive in a stored snapshot, and what it says about itself. */
async function open(stored: Buffer, contentKey: string, snapshotId: string) {
  const verifier = new SnapshotVerifier();
  let archive = Buffer.alloc(0);
  const decryption = decryptSnapshot(Buffer.from(contentKey, 'base64'), snapshotId);
  await pipeline(Readable.from([stored]), decryption, verifier, async (source) => {
    archive = await buffer(source);
  });
  return { archive, facts: verifier.facts };
}

test('a snapshot is stored encrypted, whole and verified, and the task says what it is', async () => {
  const value = randomBytes(100_000);
  await cluster.ask('/v1/kv/secret', { method: 'PUT', body: value });
  const task = takeSnapshot();
  const status = await run(task);
  expect(status).toMatchObject({ state: 'succeeded', kind: 'take-snapshot' });

  const stored = await storage.blob(task.snapshotId).downloadToBuffer();
  const { facts } = await open(stored, task.contentKey, task.snapshotId);
  const { sizeBytes, sha256, raftIndex, raftTerm } = facts;
  expect(status.result).toMatchObject({ sizeBytes, sha256, raftIndex, raftTerm, storedBytes: stored.length });
  expect(stored.includes(value.subarray(0, 64))).toBe(false);
});

test('asked for twice, a task runs once and is remembered', async () => {
  const task = takeSnapshot();
  const id = randomUUID();
  const first = await run(task, id);
  const again = await server.agent.startTask(id, takeSnapshot());
  expect(again).toEqual(first);
  expect(await server.agent.findTask(randomUUID())).toBeUndefined();
});

test('a second task is refused while one is on', async () => {
  const id = randomUUID();
  await server.agent.startTask(id, takeSnapshot());
  await expect(server.agent.startTask(randomUUID(), takeSnapshot())).rejects.toMatchObject({
    name: 'TransientError',
    code: 'TaskInProgress',
  });
  await until(async () => (await server.agent.findTask(id))?.state === 'succeeded', PATIENCE);
});

test('what storage or Consul refuse fails the task with a code and leaves no blob', async () => {
  const task = takeSnapshot();
  const noContainer = task.blobUrl.replace(/\/[^/]+\/[^/]+$/, '/there-is-none/blob');
  expect(await run({ ...task, blobUrl: noContainer })).toMatchObject({ state: 'failed', error: { code: 'StorageRefused' } });
  const refused = await run({ ...task, consulToken: randomUUID() });
  expect(refused).toMatchObject({ state: 'failed', error: { code: 'ConsulRefused', mayPass: false } });
  expect(await storage.blob(task.snapshotId).exists()).toBe(false);
});

test('a restart of the agent forgets its tasks, and none of what they were given is in its files or its log', async () => {
  const task = takeSnapshot();
  const id = randomUUID();
  await run(task, id);
  await server.machine.stopAgent();
  server.machine.startAgent();
  await until(async () => (await server.agent.health()).consul.running, PATIENCE);
  expect(await server.agent.findTask(id)).toBeUndefined();
  expect(await server.machine.agentLog()).not.toContain(task.contentKey);
});
