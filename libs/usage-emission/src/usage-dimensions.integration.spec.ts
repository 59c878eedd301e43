import { randomUUID } from 'node:crypto';
import { hours } from '@managed-consul/config';
import { createTestDatabase, FakeClock } from '@managed-consul/testing';
import { addPrice, costOf, dimensionOf, type Price, type PriceDimensionInput } from '@managed-consul/usage';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { collectOwedUsage, readOwedUsage, sendBatch } from './index';
import { TestLedger } from './ledger.builder';
import { TestMarketplace } from './marketplace.builder';

const TIERS = [
  { upTo: 50, unitPrice: '0.022' },
  { upTo: 250, unitPrice: '0.018' },
  { upTo: null, unitPrice: '0.014' },
];
const HOUR = new Date('2026-03-01T00:00:00Z');

let ledger: TestLedger;
let plans = 0;

beforeAll(async () => {
  ledger = TestLedger.open(await createTestDatabase());
});
afterAll(() => ledger.close());

/** A plan of its own with one price. */
async function newPrice(dimensions: PriceDimensionInput[]): Promise<Price> {
  const { prisma } = ledger.database;
  plans += 1;
  const plan = { id: `plan-${plans}`, displayName: 'Plan', description: '', hourlyMicros: {} };
  await prisma.plan.create({ data: plan });
  const wish = { planId: plan.id, validFrom: new Date('2026-01-01T00:00:00Z'), currency: 'USD', dimensions };
  return prisma.$transaction((tx) => addPrice(tx, wish));
}

interface Row {
  seconds: number;
  quantity: bigint;
}

/** One key of the ledger: what was measured, and what was corrected or credited later. Gives the cluster. */
async function record(
  installationId: string,
  price: Price,
  meter: string,
  [measured, ...later]: readonly Row[],
): Promise<string> {
  const { prisma } = ledger.database;
  const key = { clusterId: randomUUID(), installationId, hour: HOUR, meter, planId: price.planId, priceId: price.id };
  const data = ({ seconds, quantity }: Row) => ({ ...key, seconds, quantity: String(quantity) });
  const { id } = await prisma.usageRecord.create({ data: data(measured!) });
  for (const row of later) {
    const kind = row.seconds < 0 ? ('Credit' as const) : ('Correction' as const);
    await prisma.usageRecord.create({ data: { ...data(row), kind, correctsId: id } });
  }
  return key.clusterId;
}

/** What all rows of a cluster come to in each dimension, by the database. */
async function told(clusterId: string): Promise<Record<string, bigint>> {
  const statement = `SELECT part.dimension, sum(part.amount)::text AS amount FROM usage_records record
    CROSS JOIN LATERAL usage_parts(record) part WHERE record.cluster_id = $1 GROUP BY part.dimension HAVING sum(part.amount) <> 0`;
  const { rows } = await ledger.database.pool.query<{ dimension: string; amount: string }>(statement, [clusterId]);
  return Object.fromEntries(rows.map(({ dimension, amount }) => [dimension, BigInt(amount)]));
}

/** The same by the rule that bills are computed with. */
function billed(price: Price, meter: string, rows: readonly Row[]): Record<string, bigint> {
  const sum = rows.reduce(
    (one, { seconds, quantity }) => ({ seconds: one.seconds + seconds, quantity: one.quantity + quantity }),
    {
      seconds: 0,
      quantity: 0n,
    },
  );
  const dimension = dimensionOf(price.dimensions, meter);
  const labels = (dimension?.tiers ?? []).map(({ unitPrice }) => unitPrice);
  const lines = dimension ? costOf(dimension, { meter, ...sum }) : [];
  const nameOf = (unitPrice: string) =>
    labels.length > 1 ? `${dimension?.name ?? ''}_${labels.indexOf(unitPrice) + 1}` : (dimension?.name ?? '');
  return Object.fromEntries(lines.map(({ unitPrice, quantity }) => [nameOf(unitPrice), quantity]));
}

const whole = (instances: number): Row => ({ seconds: 3600, quantity: BigInt(instances) * 3600n });

it.each([0, 1, 49, 50, 51, 249, 250, 251, 1000])(
  '%i instances for an hour are told by tiers, as they are billed',
  async (instances) => {
    const { id } = await ledger.newApplication();
    const price = await newPrice([{ meter: 'service-instances', name: 'instance_hours', tiers: TIERS }]);
    const rows = [whole(instances)];
    const cluster = await record(id, price, 'service-instances', rows);
    const found = await told(cluster);
    expect(found).toEqual(billed(price, 'service-instances', rows));
    expect(Object.values(found).reduce((sum, one) => sum + one, 0n)).toBe(BigInt(instances) * 3600n);
  },
);

it('a minimum is told, what is included is not, a meter by its longest name, and one without a price not at all', async () => {
  const { id } = await ledger.newApplication();
  const one = (unitPrice: string) => [{ upTo: null, unitPrice }];
  const price = await newPrice([
    { meter: 'service-instances', name: 'instance_hours', minimum: 60, included: 10, tiers: TIERS },
    { meter: 'cluster/production', name: 'production', tiers: one('0.1') },
    { meter: 'cluster/production/3', name: 'production_of_three', tiers: one('0.2') },
  ]);
  const few = await record(id, price, 'service-instances', [whole(20)]);
  expect(await told(few)).toEqual({ instance_hours_1: 40n * 3600n, instance_hours_2: 10n * 3600n });
  const three = await record(id, price, 'cluster/production/3/Standard_D2s_v5', [{ seconds: 60, quantity: 60n }]);
  expect(await told(three)).toEqual({ production_of_three: 60n });
  expect(await told(await record(id, price, 'snapshot-storage', [whole(1)]))).toEqual({});
});

it('corrections and credits come to what the corrected hour is billed, whatever they were', async () => {
  const { id } = await ledger.newApplication();
  const price = await newPrice([{ meter: 'service-instances', name: 'instance_hours', minimum: 30, included: 5, tiers: TIERS }]);
  // A linear congruential generator (Numerical Recipes): the same cases each time.
  let state = 7;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let round = 0; round < 60; round += 1) {
    const seconds = 1 + random(3600);
    const rows: Row[] = [{ seconds, quantity: BigInt(seconds * random(400)) }];
    for (let later = random(4); later > 0; later -= 1) {
      const sum = rows.reduce((total, row) => total + row.quantity, 0n);
      const left = rows.reduce((total, row) => total + row.seconds, 0);
      const credit = random(left);
      if (random(2) === 0 && credit > 0) rows.push({ seconds: -credit, quantity: -((sum * BigInt(credit)) / BigInt(left)) });
      else rows.push({ seconds: random(3600 - left), quantity: BigInt(random(100_000)) });
    }
    const cluster = await record(id, price, 'service-instances', rows);
    expect([rows, await told(cluster)]).toEqual([rows, billed(price, 'service-instances', rows)]);
  }
});

it('Azure gets an event for each tier, and a credit lowers the next ones of its tier', async () => {
  const clock = new FakeClock(HOUR);
  const marketplace = new TestMarketplace(clock);
  const { id, resourceId } = await ledger.newApplication();
  const price = await newPrice([{ meter: 'service-instances', name: 'told_hours', tiers: TIERS }]);
  const credit = { seconds: -1800, quantity: -(150n * 3600n) };
  const emit = async () => {
    await collectOwedUsage(ledger.database, clock.now());
    while ((await sendBatch({ database: ledger.database, metering: marketplace, clock }, id)).events > 0);
  };
  await record(id, price, 'service-instances', [whole(300)]);
  await ledger.closeHour(clock);
  await emit();
  const totals = () => [1, 2, 3].map((tier) => marketplace.total(resourceId, `told_hours_${tier}`));
  expect(totals()).toEqual([50_000_000n, 200_000_000n, 50_000_000n]);

  await record(id, price, 'service-instances', [whole(300), credit]);
  await ledger.closeHour(clock);
  await emit();
  clock.advance(hours(1));
  // One hour and a half of 300 instances.
  expect(totals()).toEqual([75_000_000n, 300_000_000n, 75_000_000n]);
  const owed = await readOwedUsage(ledger.database, clock.now());
  expect(owed.filter(({ dimension }) => dimension.startsWith('told_hours'))).toEqual([]);
});
