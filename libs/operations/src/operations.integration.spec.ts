import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hours, minutes } from '@managed-consul/config';
import { createLogger } from '@managed-consul/observability';
import { testRedisUrl, until, WorkflowBench } from '@managed-consul/testing';
import {
  BellListener,
  isStepFinished,
  isTerminal,
  OperationChanges,
  QueueBell,
  requestOperation,
  type OperationRequest,
} from './index';

const log = createLogger({ app: 'tests', level: 'silent' });
let bench: WorkflowBench;
beforeAll(async () => {
  bench = await WorkflowBench.open();
});
afterAll(() => bench.close());

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

describe('requestOperation', () => {
  const ask = (subject: string, more: Partial<OperationRequest> = {}) => bench.request('change', { subject, ...more });

  it('records what is wanted, and gives it as it reads back', async () => {
    const clusterId = randomUUID();
    const input = { servers: 3, tags: { a: 'b' } };
    const operation = await ask(`cluster/${clusterId}`, { clusterId, input, correlationId: 'c-1' });
    expect(operation).toMatchObject({
      kind: 'change',
      state: 'Pending',
      lane: 'Change',
      clusterId,
      input,
      wakeNumber: 0,
      revision: 0,
    });
    expect(operation.createdAt).toEqual(bench.clock.now());
    expect(await bench.operations.find(operation.id)).toEqual(operation);
    expect(await bench.operations.list({ clusterId, limit: 10 })).toEqual([operation]);
  });

  it('refuses a second change by naming the first, and leaves the transaction usable', async () => {
    const subject = `cluster/${randomUUID()}`;
    const first = await ask(subject);
    const name = `kept-${randomUUID()}`;
    await bench.database.prisma.$transaction(async (tx) => {
      const request = { kind: 'other', subject, lane: 'Change', input: {}, requestedBy: 'tests' } as const;
      const refused = { code: 'OperationInProgress', target: first.id };
      await expect(requestOperation(tx, request, bench.clock)).rejects.toMatchObject(refused);
      await tx.region.create({ data: { name, displayName: 'R', geography: 'G', availabilityZones: true } });
    });
    expect(await bench.database.prisma.region.count({ where: { name } })).toBe(1);
  });

  it('lets one of many requests that come at the same moment through', async () => {
    const subject = `cluster/${randomUUID()}`;
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => ask(subject)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'OperationInProgress' });
  });

  it('of a delete marks the unfinished change for cancel in the same transaction', async () => {
    const subject = `cluster/${randomUUID()}`;
    const change = await ask(subject);
    const rolledBack = bench.database.prisma.$transaction(async (tx) => {
      await requestOperation(tx, { kind: 'remove', subject, lane: 'Delete', input: {}, requestedBy: 'tests' }, bench.clock);
      throw new Error('roll back');
    });
    await expect(rolledBack).rejects.toThrow('roll back');
    expect((await bench.operation(change.id)).cancelRequestedAt).toBeNull();
    await ask(subject, { lane: 'Delete' });
    expect((await bench.operation(change.id)).cancelRequestedAt).toEqual(bench.clock.now());
  });

  it('gives ids that sort by time', async () => {
    const older = await ask(`cluster/${randomUUID()}`);
    bench.clock.advance(1);
    expect(older.id < (await ask(`cluster/${randomUUID()}`)).id).toBe(true);
  });
});

describe('the state predicates', () => {
  it('tell what has ended from what has not', () => {
    const states = ['Pending', 'Running', 'Succeeded', 'Failed', 'Canceled'] as const;
    expect(states.filter(isTerminal)).toEqual(['Succeeded', 'Failed', 'Canceled']);
    expect((['Running', 'Waiting', 'Succeeded', 'Failed', 'Skipped'] as const).filter(isStepFinished)).toEqual([
      ...['Succeeded', 'Failed', 'Skipped'],
    ]);
  });
});

describe('cancel', () => {
  it('says why it is refused', async () => {
    await expect(bench.operations.cancel(randomUUID())).rejects.toMatchObject({ code: 'ResourceNotFound' });
  });
});

describe('waiting for a change', () => {
  function open() {
    const changes = new OperationChanges({ databaseUrl: bench.url, operations: bench.operations, log, lookEvery: hours(1) });
    closing.push(() => changes.close());
    return changes;
  }
  const listening = (changes: OperationChanges) => until(() => changes.isListening, { within: 10_000 });

  it('ends as soon as the operation changes, for everyone who waits', async () => {
    const changes = open();
    await listening(changes);
    const { id, revision } = await bench.request('change');
    const waits = [1, 2, 3].map(() => changes.waitForChange(id, revision, minutes(1)));
    await bench.operations.cancel(id);
    for (const changed of await Promise.all(waits)) expect(changed?.revision).toBe(revision + 1);
  });

  it('does not wait when the change has already been', async () => {
    const { id, revision } = await bench.request('change');
    await bench.operations.cancel(id);
    expect((await open().waitForChange(id, revision, hours(1)))?.revision).toBe(revision + 1);
  });

  it('ends unchanged when time is up or the reader goes away, and with nothing for what does not exist', async () => {
    const changes = open();
    const { id, revision } = await bench.request('change');
    expect((await changes.waitForChange(id, revision, 20))?.revision).toBe(revision);
    const reader = new AbortController();
    const left = changes.waitForChange(id, revision, hours(1), reader.signal);
    reader.abort();
    expect((await left)?.revision).toBe(revision);
    expect(await changes.waitForChange(randomUUID(), 0, hours(1))).toBeUndefined();
  });

  it('goes on when the listening connection is cut, and what happened meanwhile is seen', async () => {
    const changes = open();
    await listening(changes);
    const { id, revision } = await bench.request('change');
    const wait = changes.waitForChange(id, revision, minutes(1));
    const client = new pg.Client({ connectionString: bench.url });
    await client.connect();
    await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`,
    );
    // Changed without a notification, as if it had come while nobody listened.
    await client.query('UPDATE operations SET revision = revision + 1 WHERE id = $1', [id]);
    await client.end();
    expect((await wait)?.revision).toBe(revision + 1);
    await listening(changes);
  });
});

describe('the queue bell', () => {
  async function open() {
    const redisUrl = await testRedisUrl();
    const heard: string[] = [];
    const bell = new QueueBell(redisUrl, log);
    const answer = async (operationId: string) => heard.push(operationId);
    const listener = new BellListener({ redisUrl, concurrency: 5, log, answer });
    const redis = new Redis(redisUrl);
    closing.push(
      () => bell.close(),
      () => listener.close(),
      async () => redis.disconnect(),
    );
    return { bell, heard, redis };
  }

  it('is heard once for each wake number, however often it is rung', async () => {
    const { bell, heard } = await open();
    const ring = (wakeNumber: number, delay: number) => bell.ring({ id: 'a', wakeNumber }, delay);
    await Promise.all([ring(1, 300), ring(1, 300), ring(1, 0), ring(2, 300)]);
    await until(() => heard.length === 2, { within: 10_000 });
    await bell.ring({ id: 'b', wakeNumber: 0 });
    await until(() => heard.includes('b'), { within: 10_000 });
    expect(heard).toEqual(['a', 'a', 'b']);
  });

  it('can be rung again under a number that was heard, so that a sweep is never swallowed', async () => {
    const { bell, heard, redis } = await open();
    await bell.ring({ id: 'a', wakeNumber: 1 });
    await until(async () => heard.length === 1 && (await redis.exists('bull:operations:operation-a-1')) === 0, {
      within: 10_000,
    });
    await bell.ring({ id: 'a', wakeNumber: 1 });
    await until(() => heard.length === 2, { within: 10_000 });
  });

  it('is heard again after everything in Redis was lost', async () => {
    const { bell, heard, redis } = await open();
    await bell.ring({ id: 'before', wakeNumber: 0 });
    await until(() => heard.length === 1, { within: 10_000 });
    await bell.ring({ id: 'lost', wakeNumber: 0 }, minutes(1));
    await redis.flushdb();
    await bell.ring({ id: 'after', wakeNumber: 0 });
    await until(() => heard.includes('after'), { within: 20_000 });
    expect(heard).toEqual(['before', 'after']);
  });

  it('says nothing and comes back soon when Redis is away', async () => {
    const bell = new QueueBell('redis://127.0.0.1:1', log);
    closing.push(() => bell.close());
    await bell.ring({ id: 'a', wakeNumber: 1 });
    expect(await bell.isReachable()).toBe(false);
  });
});

describe('nudge', () => {
  it('wakes all that is done for a cluster, whatever its subject, and nothing of another', async () => {
    const [clusterId, other] = [randomUUID(), randomUUID()];
    const asked = await Promise.all([
      bench.request('change', { subject: `cluster/${clusterId}`, clusterId }),
      bench.request('change', { subject: `snapshot/${randomUUID()}`, clusterId }),
      bench.request('change', { subject: `snapshot/${randomUUID()}`, clusterId: other }),
    ]);
    await bench.operations.nudge(`cluster/${clusterId}`);
    const wakes = await Promise.all(asked.map(async ({ id }) => (await bench.operations.find(id))?.wakeNumber));
    expect(wakes).toEqual([1, 1, 0]);
  });
});
