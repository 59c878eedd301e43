import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { randomBytes, randomUUID } from 'node:crypto';
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import {
  drillSnapshotResultSchema,
  takeSnapshotResultSchema,
  type AgentTask,
  type AgentTaskStatus,
} from '@managed-consul/agent-protocol';
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
import { freePort } from '../../../tools/processes/free-port';

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
  // Storage that takes the connection and says nothing: the first task is on for as long as the test wants.
  const connections = new Set<Socket>();
  let isOver = false;
  const silent = createServer((connection) => (isOver ? connection.destroy() : connections.add(connection)));
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const blobUrl = `https://127.0.0.1:${(silent.address() as AddressInfo).port}/account/container/blob`;
  const id = randomUUID();
  await server.agent.startTask(id, takeSnapshot({ blobUrl }));
  await expect(server.agent.startTask(randomUUID(), takeSnapshot())).rejects.toMatchObject({
    name: 'TransientError',
    code: 'TaskInProgress',
  });
  isOver = true;
  silent.close();
  for (const connection of connections) connection.destroy();
  await until(async () => (await server.agent.findTask(id))?.state === 'failed', PATIENCE);
});

test('what storage or Consul refuse fails the task with a code and leaves no blob', async () => {
  const task = takeSnapshot();
  const noContainer = task.blobUrl.replace(/\/[^/]+\/[^/]+$/, '/there-is-none/blob');
  expect(await run({ ...task, blobUrl: noContainer })).toMatchObject({ state: 'failed', error: { code: 'StorageRefused' } });
  const nobodyThere = `https://127.0.0.1:${await freePort()}/account/container/blob`;
  expect(await run({ ...task, blobUrl: nobodyThere })).toMatchObject({
    state: 'failed',
    error: { code: 'StorageNotReachable', mayPass: true },
  });
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
  const log = await server.machine.agentLog();
  for (const secret of [task.contentKey, task.consulToken]) expect(log).not.toContain(secret);
});

/** A snapshot of the cluster as it is now, with what a task needs to read it. */
async function stored() {
  const task = takeSnapshot();
  const { result } = await run(task);
  const { contentKey, snapshotId } = task;
  const { sha256 } = takeSnapshotResultSchema.parse(result);
  return { source: { url: await storage.readUrl(snapshotId) }, contentKey, snapshotId, expectedSha256: sha256 };
}

const put = (path: string, body: unknown) => cluster.ask(path, { method: 'PUT', body: JSON.stringify(body) });

test('a drill restores the snapshot into a server of its own, reads what is there, and leaves nothing behind', async () => {
  const description = `"quoted" ${randomUUID()}`;
  await put('/v1/acl/token', { Description: description });
  await put('/v1/catalog/register', { Node: 'client-1', Address: '10.0.0.9', Service: { Service: 'web', ID: 'web-1' } });
  await put('/v1/catalog/register', { Node: 'client-2', Address: '10.0.0.8', Service: { Service: 'web', ID: 'web-2' } });
  expect(
    (
      await cluster.ask('/v1/connect/intentions', {
        method: 'POST',
        body: '{"SourceName":"web","DestinationName":"db","Action":"allow"}',
      })
    ).ok,
  ).toBe(true);
  await put('/v1/kv/with"quote', 'x');
  const keys = (await cluster.json<string[]>('/v1/kv/?keys')).length;
  const { pid } = (await server.agent.state()).consul;

  const status = await run({ kind: 'drill-snapshot', ...(await stored()), consul: cluster.consul });
  expect(status.error).toBeUndefined();
  const result = drillSnapshotResultSchema.parse(status.result);
  expect(result).toMatchObject({ keys, intentions: 1, aclBootstrapped: true, autopilot: { ServerStabilizationTime: '1s' } });
  expect(result.services).toContainEqual({ name: 'web', instances: 2 });
  expect(result.aclTokens).toContainEqual(expect.objectContaining({ description, isManagement: false }));
  expect(result.aclTokens.filter(({ isManagement }) => isManagement)).toHaveLength(1);
  expect(JSON.stringify(status)).not.toContain(cluster.managementToken);

  expect((await server.agent.state()).consul.pid).toBe(pid);
  expect(await readdir(join(server.machine.stateFolder, 'agent/work'))).toEqual([]);
  expect(await cluster.json<{ Node: string }[]>('/v1/catalog/nodes')).toHaveLength(3);
});

test('a restore brings back what was and takes away what came later', async () => {
  await put('/v1/kv/restored', 'before');
  const snapshot = await stored();
  await put('/v1/kv/restored', 'after');
  await put('/v1/kv/later', 'x');
  const status = await run({ kind: 'restore-snapshot', ...snapshot, consulToken: cluster.managementToken });
  expect(status.error).toBeUndefined();
  await until(async () => (await (await cluster.ask('/v1/kv/restored?raw')).text()) === '"before"', PATIENCE);
  expect((await cluster.ask('/v1/kv/later')).status).toBe(404);
});

test('what is damaged, foreign or gone is refused before Consul is asked', async () => {
  const snapshot = await stored();
  const good = await storage.blob(snapshot.snapshotId).downloadToBuffer();
  const flipped = Buffer.from(good);
  flipped[good.length >> 1]! ^= 1;
  const upload = async (name: string, content: Buffer) => {
    await storage.blob(name).uploadData(content);
    return { url: await storage.readUrl(name) };
  };
  const other = await stored();
  const index = async () => (await cluster.ask('/v1/kv/?keys')).headers.get('x-consul-index');
  const before = await index();
  for (const [changes, code] of [
    [{ source: await upload('cut', good.subarray(0, good.length - 1)) }, 'SnapshotDamaged'],
    [{ source: await upload('flipped', flipped) }, 'SnapshotDamaged'],
    [{ source: other.source }, 'SnapshotDamaged'],
    [{ contentKey: newKey() }, 'SnapshotDamaged'],
    [{ snapshotId: randomUUID() }, 'SnapshotDamaged'],
    [{ expectedSha256: other.expectedSha256 }, 'SnapshotDamaged'],
    [{ source: { url: await storage.readUrl('there-is-none') } }, 'SnapshotMissing'],
    [{ source: { url: snapshot.source.url.replace(/sig=[^&]+/, 'sig=AAAA') } }, 'SnapshotUnreadable'],
  ] as const) {
    const status = await run({ kind: 'restore-snapshot', ...snapshot, ...changes, consulToken: cluster.managementToken });
    expect(status).toMatchObject({ state: 'failed', error: { code } });
    const drilled = await run({ kind: 'drill-snapshot', ...snapshot, ...changes, consul: cluster.consul });
    expect(drilled).toMatchObject({ state: 'failed', error: { code } });
  }
  expect(await index()).toBe(before);
  expect(await readdir(join(server.machine.stateFolder, 'agent/work'))).toEqual([]);
});

test('an agent that was killed in a drill ends its server and removes its files at the next start', async () => {
  const snapshot = await stored();
  const work = join(server.machine.stateFolder, 'agent/work');
  await server.agent.startTask(randomUUID(), { kind: 'drill-snapshot', ...snapshot, consul: cluster.consul });
  const leftOver = await until(async () => (await consulsIn(work))[0], PATIENCE);
  await server.machine.stopAgent('SIGKILL');
  expect(await consulsIn(work)).toContain(leftOver);
  server.machine.startAgent();
  await until(async () => (await consulsIn(work)).length === 0 && (await readdir(work)).length === 0, PATIENCE);
  await until(async () => (await server.agent.health()).consul.running, PATIENCE);
  expect((await run({ kind: 'drill-snapshot', ...snapshot, consul: cluster.consul })).error).toBeUndefined();
});

async function consulsIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    if (cwd.startsWith(folder)) found.push(pid);
  }
  return found;
}
