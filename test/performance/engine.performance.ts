import { randomUUID } from 'node:crypto';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { hours, minutes } from '@managed-consul/config';
import { openDatabase, type Database } from '@managed-consul/database';
import { createLogger } from '@managed-consul/observability';
import { BellListener, QueueBell } from '@managed-consul/operations';
import { definePerformance, type Figure } from '@managed-consul/testing';
import {
  action,
  defineWorkflow,
  defineWorkflows,
  done,
  WorkflowRunner,
  type WorkflowHost,
} from '@managed-consul/workflow-engine';
import { median } from './median';
import { startOwnServers } from '../support/own-servers';

const ROUNDS = 3;
const CONCURRENCY = 50;
const OPEN_OPERATIONS = [1_000, 10_000, 100_000];
const OPERATIONS_A_ROUND = 300;
const JOBS_A_ROUND = 6_000;
const LEAST_RATIO = 0.25;
/** About as many as creating a cluster has. */
const STEPS = 15;

/** Steps that do nothing; each needs a name of its own. */
const steps = Array.from({ length: STEPS }, (_, index) => {
  const name = `step${index}`;
  return action({ [name]: async () => done() }[name] ?? (async () => done()));
});

const host: WorkflowHost<object> = {
  workflows: defineWorkflows([defineWorkflow({ operation: 'nothing', pageOperatorAfter: hours(1), steps })]),
  buildServices: async () => ({}),
  recordOutcome: async () => undefined,
  page: async () => undefined,
  describe: () => undefined,
};

const INSERT = `INSERT INTO operations (id, kind, subject, requested_by, state, wake_at, wake_number)
  SELECT id, 'nothing', 'thing/' || id, 'performance', $2::"OperationState", $3, 0 FROM unnest($1::uuid[]) AS id`;

async function insertOperations({ pool }: Database, count: number, state: string, wakeAt: Date): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID());
  await pool.query(INSERT, [ids, state, wakeAt]);
  return ids;
}

/** Milliseconds from the moment `begin` has made work until `count` pieces are done. */
async function timeUntil(
  count: number,
  begin: (onePieceDone: () => void) => Promise<{ close(): Promise<unknown> }>,
): Promise<number> {
  let left = count;
  let allDone = (): void => undefined;
  const finished = new Promise<void>((resolve) => (allDone = resolve));
  const began = performance.now();
  const worker = await begin(() => {
    left -= 1;
    if (left === 0) allDone();
  });
  await finished;
  const took = performance.now() - began;
  await worker.close();
  return took;
}

/** No-op jobs a second through BullMQ alone, the jobs waiting when the worker starts. */
async function bareJobs(redisUrl: string): Promise<number> {
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const queue = new Queue('bare', { connection });
  const options = { removeOnComplete: true, removeOnFail: true };
  for (let added = 0; added < JOBS_A_ROUND; added += 1000) {
    await queue.addBulk(Array.from({ length: 1000 }, () => ({ name: 'nothing', data: {}, opts: options })));
  }
  const took = await timeUntil(JOBS_A_ROUND, async (onePieceDone) => {
    const worker = new Worker('bare', async () => undefined, { connection, concurrency: CONCURRENCY });
    worker.on('completed', onePieceDone);
    return worker;
  });
  await queue.close();
  connection.disconnect();
  return (JOBS_A_ROUND / took) * 1000;
}

/** No-op steps a second through the engine, bells waiting when the worker starts. */
async function engineSteps(database: Database, redisUrl: string): Promise<number> {
  const log = createLogger({ app: 'performance', level: 'error' });
  const bell = new QueueBell(redisUrl, log);
  const ids = await insertOperations(database, OPERATIONS_A_ROUND, 'Pending', new Date());
  await Promise.all(ids.map((id) => bell.ring({ id, wakeNumber: 0 })));
  const runner = new WorkflowRunner({ database, host, bell, log, name: 'performance' });
  const took = await timeUntil(OPERATIONS_A_ROUND, async (onePieceDone) => {
    const answer = async (id: string) => {
      const result = await runner.run(id);
      if (result !== 'ended') throw new Error(`An operation was left ${result}.`);
      onePieceDone();
    };
    return new BellListener({ redisUrl, concurrency: CONCURRENCY, log, answer });
  });
  await bell.close();
  return ((OPERATIONS_A_ROUND * STEPS) / took) * 1000;
}

/** Steps that do nothing through the engine, against jobs that do nothing through BullMQ, with many operations open. */
export const engine = definePerformance({
  name: 'engine',
  description: 'no-op steps through the workflow engine against no-op BullMQ jobs, with 1k to 100k operations open',
  run: async (context) => {
    const { root } = context;
    const servers = await startOwnServers(root);
    const database = openDatabase({ url: servers.databaseUrl, maxConnections: 20 });
    const figures: Figure[] = [];
    let open = 0;
    try {
      for (const wanted of OPEN_OPERATIONS) {
        await insertOperations(database, wanted - open, 'Running', new Date(Date.now() + minutes(60)));
        await database.pool.query('ANALYZE');
        open = wanted;
        const bare: number[] = [];
        const value: number[] = [];
        for (let round = 0; round <= ROUNDS; round += 1) {
          bare.push(await bareJobs(servers.redisUrl));
          value.push(await engineSteps(database, servers.redisUrl));
        }
        // The first round warms both up.
        const figure = { value: median(value.slice(1)), bare: median(bare.slice(1)), unit: 'steps/s' };
        context.say(`${open} open: ${figure.value.toFixed(0)} steps/s against ${figure.bare.toFixed(0)} jobs/s`);
        figures.push({ name: `engine with ${open} open operations`, ...figure, hold: { ratio: LEAST_RATIO, is: 'at least' } });
      }
    } finally {
      await database.close();
      await servers.stop();
    }
    return figures;
  },
});
