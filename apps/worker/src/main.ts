import 'reflect-metadata';
import { hostname } from 'node:os';
import { NestFactory } from '@nestjs/core';
import { loadSettings, seconds } from '@managed-consul/config';
import { openDatabase } from '@managed-consul/database';
import { createLogger, Metrics, startTracing } from '@managed-consul/observability';
import { QueueBell } from '@managed-consul/operations';
import { WorkflowMetrics, WorkflowRunner } from '@managed-consul/workflow-engine';
import { openLifecycle } from './lifecycle';
import { workerSettings } from './settings';
import { WorkerModule } from './worker.module';

const settings = loadSettings(workerSettings);
const log = createLogger({ app: 'worker', level: settings.LOG_LEVEL });
const tracing = startTracing({ app: 'worker', endpoint: settings.TRACES_ENDPOINT });
const metrics = new Metrics().addProcess();
const redisUrl = settings.REDIS_URL.reveal();
const database = openDatabase({ url: settings.DATABASE_URL.reveal(), maxConnections: settings.DATABASE_MAX_CONNECTIONS });
const bell = new QueueBell(redisUrl, log);
const lifecycle = await openLifecycle(settings, { database, bell, metrics, log });

const runner = new WorkflowRunner({
  database,
  host: lifecycle.host,
  bell,
  log,
  metrics: new WorkflowMetrics(metrics),
  name: `${hostname()}/${process.pid}`,
  lease: { lasts: seconds(settings.WORKER_LEASE_SECONDS), renewEvery: seconds(settings.WORKER_LEASE_SECONDS) / 3 },
});

const module = WorkerModule.around({
  database,
  bell,
  runner,
  page: (operation) => lifecycle.host.page(operation),
  log,
  redisUrl,
  concurrency: settings.WORKER_CONCURRENCY,
  schedules: lifecycle.schedules,
  scheduleEvery: seconds(settings.WORKER_SCHEDULE_SECONDS),
  sweepEvery: seconds(settings.WORKER_SWEEP_SECONDS),
  stopWithin: seconds(settings.WORKER_STOP_SECONDS),
  metrics,
  healthHost: settings.WORKER_HOST,
  healthPort: settings.WORKER_PORT,
});
const worker = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });

async function stop(): Promise<void> {
  await worker.close();
  lifecycle.close();
  await bell.close();
  await database.close();
  await tracing.stop();
}

const stopAndExit = () => {
  log.info({}, 'worker stops');
  void stop().then(
    () => process.exit(0),
    (error: unknown) => {
      log.error({ err: error }, 'worker did not stop cleanly');
      process.exit(1);
    },
  );
};
process.once('SIGTERM', stopAndExit);
process.once('SIGINT', stopAndExit);
