import { setTimeout as wait } from 'node:timers/promises';
import { OPERATION_KINDS, USAGE_SUBJECT } from '@managed-consul/clusters';
import { hours } from '@managed-consul/config';
import type { Installation } from '@managed-consul/database';
import { TransientError } from '@managed-consul/errors';
import { requestOperation } from '@managed-consul/operations';
import { definePerformance } from '@managed-consul/testing';
import { collectOwedUsage } from '@managed-consul/usage-emission';
import { buyFromTheMarketplace, MARKETPLACE_PLAN } from '../support/bought-application';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

const APPLICATIONS = 40;
const CLOSED_HOURS = 20;
/** What a call to the real service may take. */
const ANSWER_AFTER = 300;
const LANES = 8;
const BARE_SECONDS = 15;
const SMALLEST_RATIO = 0.9;
const MANY = 100_000;
const MIB = 1024 * 1024;
const METERS = ['cluster/production/3/Standard_D2s_v3', 'cluster/production/5/Standard_D2s_v3', 'service-instances'];

/** Of each application and hour two sizes of clusters, and service instances enough for all three tiers: five events. */
const USE = `INSERT INTO usage_records (hour, cluster_id, installation_id, meter, plan_id, price_id, seconds, quantity)
  SELECT hour, installation, installation, meter, $2, $3::uuid, 3600, CASE meter WHEN 'service-instances' THEN 3600 * 300 ELSE 3600 END
  FROM unnest($1::uuid[]) installation, unnest($4::text[]) meter, unnest($5::timestamptz[]) hour`;

/** As many applications as a large service has, each with one cluster for one hour. The Marketplace need not know them to be planned. */
const MANY_APPLICATIONS = `WITH bought AS (
    INSERT INTO installations (id, kind, state, tenant_id, subscription_id, resource_group, region, plan_id, application_id, billing_resource_usage_id, updated_at)
    SELECT gen_random_uuid(), 'ManagedApplication', 'Ready', gen_random_uuid(), gen_random_uuid(), 'many-' || number, 'westeurope', $1,
      '/applications/many-' || number, gen_random_uuid()::text, now()
    FROM generate_series(1, $2::int) number RETURNING id)
  INSERT INTO usage_records (hour, cluster_id, installation_id, meter, plan_id, price_id, seconds, quantity)
  SELECT $3::timestamptz, gen_random_uuid(), id, '${METERS[0]}', $1, $4::uuid, 3600, 3600 FROM bought`;

const memory = (): number => process.memoryUsage().rss / MIB;

/** Runs the work and gives the seconds it took, and how much more memory than before this process held at most. */
async function measured(work: () => Promise<unknown>): Promise<{ seconds: number; grown: number }> {
  const [started, before] = [performance.now(), memory()];
  let peak = before;
  const watch = setInterval(() => (peak = Math.max(peak, memory())), 50);
  try {
    await work();
  } finally {
    clearInterval(watch);
  }
  return { seconds: (performance.now() - started) / 1000, grown: Math.max(peak, memory()) - before };
}

/** Calls a second that get through when nothing is done but to call, as often as is allowed, with as many calls on at once. */
async function bareRate({ dependencies }: WorkflowWorld, { billingResourceUsageId }: Installation): Promise<number> {
  const { metering } = dependencies.azure;
  const hour = new Date(Math.floor(Date.now() / hours(1) - 1) * hours(1));
  const event = { resourceId: billingResourceUsageId ?? '', planId: MARKETPLACE_PLAN.name, hour, quantity: '1' };
  const events = Array.from({ length: 25 }, () => ({ ...event, dimension: 'cluster_hours_1' }));
  let [answered, isDrained, until] = [0, false, Infinity];
  const lane = async (): Promise<void> => {
    while (performance.now() < until) {
      try {
        await metering.send(events);
        if (isDrained) answered += 1;
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        // What may be sent at once after a pause is used up: from here it is the rate that Azure allows for long.
        if (!isDrained) [isDrained, until] = [true, performance.now() + BARE_SECONDS * 1000];
        await wait((error.retryAfterSeconds ?? 1) * 1000);
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return answered / BARE_SECONDS;
}

async function useApplications(world: WorkflowWorld, applications: readonly Installation[], priceId: string): Promise<void> {
  const last = Math.floor(Date.now() / hours(1) - 2) * hours(1);
  const closed = Array.from({ length: CLOSED_HOURS }, (_, index) => new Date(last - index * hours(1)));
  const ids = applications.map(({ id }) => id);
  await world.database.pool.query(USE, [ids, MARKETPLACE_PLAN.name, priceId, METERS, closed]);
  await world.database.prisma.usageHour.createMany({ data: closed.map((hour) => ({ hour, closedAt: new Date(), records: 1 })) });
}

async function buyApplications(world: WorkflowWorld): Promise<Installation[]> {
  const bought: Installation[] = [];
  while (bought.length < APPLICATIONS) {
    const names = Array.from({ length: 10 }, (_, index) => `sending-${bought.length + index}`);
    bought.push(...(await Promise.all(names.map((name) => buyFromTheMarketplace(world, name)))));
  }
  return bought;
}

/** Whether the Marketplace's allowed rate is used up while usage is told to it, and with how much memory. */
export const sendingUsage = definePerformance({
  name: 'send-usage',
  description: 'calls a second to the metering service while usage is sent, against a bare client at the allowed rate',
  run: async ({ say }) => {
    const world = await openWorkflowWorld();
    const { database } = world;
    try {
      const { id: priceId } = await database.prisma.planPrice.findFirstOrThrow({ where: { planId: MARKETPLACE_PLAN.name } });
      const applications = await buyApplications(world);
      const [first] = applications;
      if (!first) throw new Error('Nothing was bought.');
      await useApplications(world, applications, priceId);
      const { planned } = await collectOwedUsage(database, new Date());
      await world.addFault({ path: '/api/batchUsageEvent', effect: { kind: 'slow', milliseconds: ANSWER_AFTER } });
      const bare = await bareRate(world, first);
      const wish = {
        kind: OPERATION_KINDS.sendUsage,
        subject: USAGE_SUBJECT,
        lane: 'Change',
        input: {},
        requestedBy: 'tests',
      } as const;
      const { id } = await database.prisma.$transaction((tx) => requestOperation(tx, wish));
      const sending = await measured(async () => {
        const ended = await world.drive(id);
        if (ended.state !== 'Succeeded') throw new Error(`Sending has ended as ${JSON.stringify(ended)}`);
      });
      const accepted = await database.prisma.usageEmission.count({ where: { state: 'Accepted' } });
      if (accepted !== planned) throw new Error(`Of ${planned} events ${accepted} were accepted.`);
      say(`${planned} events in ${sending.seconds.toFixed(1)} s`);

      const hour = new Date(Math.floor(Date.now() / hours(1) - 2) * hours(1));
      await database.pool.query(MANY_APPLICATIONS, [MARKETPLACE_PLAN.name, MANY, hour, priceId]);
      const planning = await measured(() => collectOwedUsage(database, new Date()));
      return [
        {
          name: 'sending usage',
          value: planned / 25 / sending.seconds,
          bare,
          unit: 'calls/s',
          hold: { is: 'at least', ratio: SMALLEST_RATIO },
        },
        { name: 'memory that sending adds', value: sending.grown, unit: 'MiB' },
        { name: `planning the events of ${MANY} applications`, value: planning.seconds, unit: 's' },
        { name: 'memory that planning adds', value: planning.grown, unit: 'MiB' },
      ];
    } finally {
      await world.stop();
    }
  },
});
