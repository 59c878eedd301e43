import { hours, minutes, type Clock } from '@managed-consul/config';
import { openDatabase, type Database } from '@managed-consul/database';
import { QueueBell } from '@managed-consul/operations';
import { Sweeper, UsageSender } from '@managed-consul/schedules';
import { startOwnRedis, type OwnRedis } from '@managed-consul/testing';
import { checkClosedHours, closeDueHours, correctHour } from '@managed-consul/usage';
import { readOwedUsage } from '@managed-consul/usage-emission';
import { ProcessDied, WorkflowRunner, type StepBoundary } from '@managed-consul/workflow-engine';
import { createWorkflowHost } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { azureUrl, databaseUrl } from '../../infra/local/components';
import { BilledFleet } from '../support/billed-fleet';
import { buyFromTheMarketplace } from '../support/bought-application';
import { seededRandom } from '../support/seeded-random';
import { azureOf, openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

/** Small by itself, over a change to summer time and an outage. A whole quarter is 1000 clusters over 2208 hours (docs/operations/send-usage.md). */
const CLUSTERS = Number(process.env['QUARTER_CLUSTERS'] ?? '20');
const HOURS = Number(process.env['QUARTER_HOURS'] ?? '54');
const CLUSTERS_PER_PLACE = 25;
/** Berlin's clocks go forward on 2027-03-28 at 01:00 UTC. Of the future, since Azure's tokens must not have expired. */
const TIME_ZONE = 'Europe/Berlin';
const START = new Date(HOURS > 1000 ? '2027-02-01T00:00:00Z' : '2027-03-26T12:00:00Z');
const OUTAGE = { from: Math.floor(HOURS / 4), hours: 30 };
/** After the last hour everything is sent that can be: so many hours at most, until nothing is owed. */
const SETTLING_HOURS = 60;
/** Minutes after an hour's end at which the service looks. */
const LOOKS = [6, 7, 20, 45];
const REDIS_LOST_AT = Math.floor(HOURS / 2);

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 1e9));

/** The clock of the workers, which is put forward and back. */
class WorkersClock implements Clock {
  time = START.getTime();
  wrongBy = 0;
  now = (): Date => new Date(this.time + this.wrongBy);
}

describe('a quarter of usage', () => {
  let world: WorkflowWorld;
  let database: Database;
  let redis: OwnRedis;
  const zone = process.env['TZ'];

  beforeAll(async () => {
    process.env['TZ'] = TIME_ZONE;
    world = await openWorkflowWorld();
    await world.database.pool.query(
      `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''${TIME_ZONE}''', current_database()); END $$`,
    );
    database = openDatabase({ url: databaseUrl(world.world), maxConnections: 8 });
    redis = await startOwnRedis();
  });
  afterAll(async () => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
    await redis.close();
    await database.close();
    await world.stop();
  });

  it(
    'is billed to the unit, though workers die, Redis is lost, clocks jump and Azure is away for 30 hours',
    { timeout: 3 * 3_600_000 },
    async () => {
      console.log(`seed ${seed}: ${CLUSTERS} clusters, ${HOURS} hours; set TEST_SEED to repeat`);
      const random = seededRandom(seed);
      const installations = [];
      for (let place = 0; place < Math.ceil(CLUSTERS / CLUSTERS_PER_PLACE); place += 1)
        installations.push(await buyFromTheMarketplace(world, `quarter-${place}`));
      const fleet = new BilledFleet({ database, installations, random, size: CLUSTERS });
      const clock = new WorkersClock();
      const bell = new QueueBell(redis.url, world.log);
      const sender = new UsageSender({ database, bell, log: world.log, clock });
      const sweeper = new Sweeper({ database, bell, log: world.log, clock, page: async () => undefined });
      const boundary: StepBoundary = {
        reached: () => {
          if (random() < 0.05) throw new ProcessDied();
        },
      };
      let workers = 0;
      /** Carries on what is due, as the worker does that hears a bell or the sweeper. */
      const work = async (): Promise<void> => {
        const azure = azureOf(world.world);
        const host = createWorkflowHost({ ...world.dependencies, database, azure }, { clock, log: world.log });
        const runner = new WorkflowRunner({ database, host, bell, log: world.log, name: `worker-${++workers}`, clock, boundary });
        const due = await database.prisma.operation.findMany({
          where: { state: { in: ['Pending', 'Running'] }, wakeAt: { lte: clock.now() } },
        });
        for (const { id } of due)
          await runner.run(id).catch((error: unknown) => {
            if (!(error instanceof ProcessDied)) throw error;
          });
      };
      const azureClock = async (now: Date) => {
        const answer = await fetch(`${azureUrl(world.world)}/_emulator/clock`, {
          method: 'POST',
          body: JSON.stringify({ set: now.toISOString() }),
        });
        if (!answer.ok) throw new Error(`The emulator's clock stays: ${await answer.text()}`);
      };
      const METERING = { path: '/api/(batchUsageEvent|usageEvents)' };
      let outage: string | undefined;
      const isQuiet = async () =>
        (await database.prisma.operation.count({ where: { state: { in: ['Pending', 'Running'] } } })) === 0;
      let faults = 0;
      const owed = async () => {
        const open = await readOwedUsage(database, clock.now());
        return open.filter((one) => [one.unplanned, one.pending, one.parked, one.unresolved].some((amount) => amount !== '0'));
      };
      /** As an operator does it: hours that do not come to the same when they are computed again are corrected. */
      const correct = async (): Promise<void> => {
        for (const { hour, differences } of await checkClosedHours(database, clock.now(), 10_000))
          if (differences > 0)
            await correctHour(database, hour, { reason: 'A clock was wrong.', recordedBy: 'tests', now: clock.now() });
      };
      let index = 0;
      for (; index < HOURS + SETTLING_HOURS; index += 1) {
        const hour = new Date(START.getTime() + index * hours(1));
        const isSettling = index >= HOURS;
        if (!isSettling) await fleet.liveThrough(hour, Math.ceil((2 * CLUSTERS) / HOURS));
        if (index === OUTAGE.from) outage = await world.addFault({ ...METERING, effect: { kind: 'answer', status: 503 } });
        if (index === OUTAGE.from + OUTAGE.hours && outage) await world.endFault(outage);
        // The clock of the workers goes back by an hour and a half, and is four minutes fast for a while.
        clock.wrongBy = isSettling ? 0 : index % 20 === 7 ? -minutes(90) : index % 20 === 13 ? minutes(4) : 0;
        for (const after of isSettling ? [20] : LOOKS) {
          clock.time = hour.getTime() + hours(1) + minutes(after);
          await azureClock(new Date(clock.time));
          if (index === REDIS_LOST_AT && after === 6) await redis.kill();
          if (index === REDIS_LOST_AT && after === 20) await redis.start();
          if (!isSettling && random() < 0.3) {
            faults += 1;
            const effects = [
              { kind: 'answer', status: 429, retryAfterSeconds: 20 },
              { kind: 'answer', status: 500 },
              { kind: 'lostResponse' },
            ];
            await world.addFault({ ...METERING, count: 1, effect: effects[Math.floor(random() * effects.length)] ?? {} });
          }
          await closeDueHours(database, clock.now());
          if (index === HOURS) await correct();
          await sender.look();
          await sweeper.sweep();
          await work();
        }
        if (isSettling && (await owed()).length === 0 && (await isQuiet())) break;
      }
      expect(fleet.size).toBe(CLUSTERS);
      expect(faults).toBeGreaterThan(0);
      expect(await owed(), 'nothing is left open').toEqual([]);
      const states = await database.prisma.usageEmission.groupBy({ by: ['state'] });
      expect(states.map(({ state }) => state).sort(), 'the outage was longer than Azure takes usage').toEqual([
        'Accepted',
        'Expired',
      ]);

      const expected = fleet.expected(new Date(START.getTime() + (index + 1) * hours(1)));
      const { rows: told } = await database.pool.query<{ key: string; amount: string; events: number; hours: number }>(
        `SELECT resource_id || '|' || dimension AS key, sum(ledger_quantity)::text AS amount,
           count(*)::int AS events, count(DISTINCT hour)::int AS hours
         FROM usage_emissions WHERE state = 'Accepted' GROUP BY 1`,
      );
      expect(Object.fromEntries(told.map(({ key, amount }) => [key, BigInt(amount)]))).toEqual(Object.fromEntries(expected));
      // What Azure itself says that it has: all that to its six decimals, in one event an hour.
      const taken = new Map<string, { millionths: number; events: number }>();
      const { metering } = azureOf(world.world);
      const midnight = Math.floor(START.getTime() / hours(24)) * hours(24);
      for (let day = new Date(midnight); day <= clock.now(); day = new Date(day.getTime() + hours(24)))
        for (const row of await metering.report(day, day)) {
          const key = `${row.resourceId}|${row.dimension}`;
          const sum = taken.get(key) ?? { millionths: 0, events: 0 };
          sum.millionths += Math.round(Number(row.submittedQuantity) * 1e6);
          sum.events += row.submittedCount;
          taken.set(key, sum);
        }
      const rounded = (amount: bigint): number => Number((amount * 2_000_000n + 3600n) / 7200n);
      const inAzuresUnits = told.map(({ key, hours: distinct }) => [
        key,
        { millionths: rounded(expected.get(key) ?? 0n), events: distinct },
      ]);
      expect(Object.fromEntries(taken)).toEqual(Object.fromEntries(inAzuresUnits));
      expect(told.filter((one) => one.events !== one.hours)).toEqual([]);
    },
  );
});
