import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hours, seconds, systemClock } from '@managed-consul/config';
import { createLogger, Metrics } from '@managed-consul/observability';
import { QueueBell } from '@managed-consul/operations';
import { parseExposition, startOwnRedis, until, WorkflowBench, type OwnRedis } from '@managed-consul/testing';
import { hourOf } from '@managed-consul/usage';
import { action, defineWorkflow, done, WorkflowMetrics, type StepContext } from '@managed-consul/workflow-engine';
import { OperationWorker } from './operation-worker';
import { WorkerModule } from './worker.module';

interface Services {
  readonly begun: string[];
  readonly hold: Promise<void>;
}

async function begin({ begun, operation, hold }: StepContext<Services>) {
  begun.push(operation.id);
  await hold;
  return done();
}
async function finish() {
  return done();
}

const log = createLogger({ app: 'tests', level: 'silent' });
const work = defineWorkflow<Services>({ operation: 'work', pageOperatorAfter: hours(1), steps: [action(begin), action(finish)] });

let bench: WorkflowBench;
let redis: OwnRedis;
beforeAll(async () => {
  [bench, redis] = await Promise.all([WorkflowBench.open(), startOwnRedis()]);
});
afterAll(async () => {
  await redis.close();
  await bench.close();
});

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function startWorker(services: Services, sweepEvery = seconds(60)) {
  const bell = new QueueBell(redis.url, log);
  const host = bench.host([work], services);
  const metrics = new Metrics();
  const parts = {
    database: bench.database,
    bell,
    runner: bench.runner(host, { bell, clock: systemClock, metrics: new WorkflowMetrics(metrics) }),
    metrics,
    page: async () => undefined,
    log,
    redisUrl: redis.url,
    concurrency: 5,
    sweepEvery,
    schedules: [],
    scheduleEvery: seconds(60),
    stopWithin: seconds(10),
    healthHost: '127.0.0.1',
    healthPort: 0,
  };
  const application = await NestFactory.createApplicationContext(WorkerModule.around(parts), {
    logger: false,
    abortOnError: false,
  });
  let isClosed = false;
  const stop = async () => {
    if (!isClosed) await application.close();
    isClosed = true;
  };
  closing.push(stop, () => bell.close());
  const ask = (path: string) => fetch(`http://127.0.0.1:${application.get(OperationWorker).healthPort}${path}`);
  const health = async () => (await ask('/healthz')).status;
  const ready = async () => (await ask('/readyz')).status;
  const scrape = async () => parseExposition(await (await ask('/metrics')).text());
  return { bell, stop, health, ready, scrape };
}

const stateOf = async (id: string) => (await bench.operation(id)).state;

describe('the worker', () => {
  it('tells figures of the fleet in the form that Prometheus reads', async () => {
    const dueAt = new Date('2026-01-01T00:00:00Z');
    await bench.database.prisma.clusterSchedule.create({ data: { clusterId: randomUUID(), kind: 'observe', dueAt } });
    const { scrape } = await startWorker({ begun: [], hold: Promise.resolve() });
    expect((await scrape()).value('managed_consul_schedules_late', { schedule: 'observe' })).toBe(1);
  });

  it('counts operations by kind and outcome as they end, with the time that they and their steps took', async () => {
    const { bell, scrape } = await startWorker({ begun: [], hold: Promise.resolve() });
    const operation = await bench.request('work');
    await bell.ring(operation);
    await until(async () => (await stateOf(operation.id)) === 'Succeeded', { within: seconds(20) });
    const figures = await scrape();
    const ended = { kind: 'work', outcome: 'Succeeded' };
    expect(figures.value('managed_consul_operation_duration_seconds_count', ended)).toBeGreaterThanOrEqual(1);
    expect(figures.value('managed_consul_step_duration_seconds_count', { kind: 'work', step: 'begin' })).toBeGreaterThanOrEqual(
      1,
    );
    expect(figures.value('managed_consul_lease_losses_total', {})).toBe(0);
  });

  it('is not ready from the moment on which it is told to stop, though it still works', async () => {
    let release = (): void => undefined;
    const services: Services = { begun: [], hold: new Promise<void>((resolve) => (release = resolve)) };
    const { bell, ready, health, stop } = await startWorker(services);
    await until(async () => (await ready()) === 200, { within: seconds(20) });
    const operation = await bench.request('work');
    await bell.ring(operation);
    await until(() => services.begun.length === 1, { within: seconds(20) });
    const stopped = stop();
    await until(async () => (await ready()) === 503, { within: seconds(20) });
    expect(await health()).toBe(200);
    release();
    await stopped;
  });

  it('closes hours of usage that nobody has closed, and computes them again, by its own timer', async () => {
    const { prisma } = bench.database;
    const now = hourOf(systemClock.now()).getTime();
    const [before, due] = [new Date(now - hours(3)), new Date(now - hours(2))];
    await prisma.usageHour.create({ data: { hour: before, closedAt: due, records: 0 } });
    await startWorker({ begun: [], hold: Promise.resolve() });
    // Two hours ago is over, whatever the time of the day.
    await until(() => prisma.usageHour.findUnique({ where: { hour: due } }), { within: seconds(20) });
    await until(() => prisma.usageCheck.findUnique({ where: { hour: due } }), { within: seconds(20) });
  });

  it('carries an operation out when its bell is rung, and one whose bell was lost before the worker started', async () => {
    const missed = await bench.request('work');
    const { bell } = await startWorker({ begun: [], hold: Promise.resolve() });
    const rung = await bench.request('work');
    await bell.ring(rung);
    await until(async () => (await stateOf(rung.id)) === 'Succeeded', { within: seconds(20) });
    await until(async () => (await stateOf(missed.id)) === 'Succeeded', { within: seconds(20) });
  });

  it('when it is stopped lets the running step finish, gives the lease back, and its successor goes on behind that step', async () => {
    let release = (): void => undefined;
    const services: Services = { begun: [], hold: new Promise<void>((resolve) => (release = resolve)) };
    const first = await startWorker(services);
    const { id } = await bench.request('work');
    await first.bell.ring({ id, wakeNumber: 0 });
    await until(() => services.begun.length === 1, { within: seconds(20) });
    const stopped = first.stop();
    release();
    await stopped;
    expect(await bench.progress(id)).toEqual(['begin Succeeded', 'finish Running']);
    await startWorker(services);
    await until(async () => (await stateOf(id)) === 'Succeeded', { within: seconds(20) });
    expect(services.begun).toEqual([id]);
  });

  it('says that it cannot work while Redis is away, and that it can when it is back', async () => {
    const services: Services = { begun: [], hold: Promise.resolve() };
    const { health } = await startWorker(services, 200);
    await until(async () => (await health()) === 200, { within: seconds(20) });
    await redis.kill();
    expect(await health()).toBe(503);
    const { id } = await bench.request('work');
    await redis.start();
    await until(async () => (await stateOf(id)) === 'Succeeded', { within: seconds(30) });
    await until(async () => (await health()) === 200, { within: seconds(20) });
  });
});
