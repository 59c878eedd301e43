import type { Database } from '@managed-consul/database';
import { Amount } from './amount';
import { hourAfter, type Span } from './hour';
import { costOf, dimensionOf, type TierLine } from './price';
import { pricesById, type Price } from './prices';

/** What a cluster used of a meter in an hour under one price, with all corrections and credits in it, and what it costs. */
export interface UsageLine {
  readonly hour: Date;
  readonly clusterId: string;
  readonly meter: string;
  readonly planId: string;
  readonly seconds: number;
  /** In the ledger's small units. */
  readonly quantity: bigint;
  /** What bills call the meter; null for one that has no price, and costs nothing. */
  readonly dimension: string | null;
  readonly currency: string | null;
  readonly tiers: readonly TierLine[];
  readonly cost: Amount;
}

/** The clock hours of a place from the ledger, and until when that says everything. */
export interface Usage {
  readonly span: Span;
  /** The end of the last hour of the span that is in the ledger; its beginning if there is none. */
  readonly measuredUntil: Date;
  readonly lines: readonly UsageLine[];
}

const SUM = `SELECT hour, cluster_id::text AS "clusterId", meter, plan_id AS "planId", price_id::text AS "priceId",
    sum(seconds)::int AS seconds, sum(quantity)::text AS quantity
  FROM usage_records WHERE installation_id = $1::uuid AND hour >= $2 AND hour < $3
  GROUP BY hour, cluster_id, meter, plan_id, price_id HAVING sum(seconds) > 0
  ORDER BY hour, cluster_id, meter, plan_id, price_id`;

interface Row {
  hour: Date;
  clusterId: string;
  meter: string;
  planId: string;
  priceId: string | null;
  seconds: number;
  quantity: string;
}

export function lineOf({ priceId, quantity: text, ...row }: Row, prices: ReadonlyMap<string, Price>): UsageLine {
  const quantity = BigInt(text);
  const price = priceId === null ? undefined : prices.get(priceId);
  const dimension = price && dimensionOf(price.dimensions, row.meter);
  const tiers = dimension ? costOf(dimension, { ...row, quantity }) : [];
  const cost = Amount.sum(tiers.map((tier) => tier.cost));
  return { ...row, quantity, dimension: dimension?.name ?? null, currency: price?.currency ?? null, tiers, cost };
}

/** What an installation used in the span, by hour. Whoever may not see the installation is refused before this is asked. */
export async function readUsage(database: Database, installationId: string, span: Span): Promise<Usage> {
  const [{ rows }, last] = await Promise.all([
    database.pool.query<Row>(SUM, [installationId, span.from, span.to]),
    database.prisma.usageHour.findFirst({ where: { hour: { gte: span.from, lt: span.to } }, orderBy: { hour: 'desc' } }),
  ]);
  const prices = await pricesById(database, [...new Set(rows.flatMap(({ priceId }) => priceId ?? []))]);
  const lines = rows.map((row) => lineOf(row, prices));
  return { span, measuredUntil: last ? hourAfter(last.hour) : span.from, lines };
}

/** The cost of lines by currency; there is one, unless an operator changed it. */
export function totalsOf(lines: readonly UsageLine[]): { currency: string; cost: Amount }[] {
  const totals = new Map<string, Amount>();
  for (const { currency, cost } of lines)
    if (currency !== null) totals.set(currency, (totals.get(currency) ?? Amount.ZERO).plus(cost));
  return [...totals].map(([currency, cost]) => ({ currency, cost }));
}

/** Quantity and cost of lines by plan and meter. */
export interface UsageSum {
  readonly planId: string;
  readonly meter: string;
  readonly dimension: string | null;
  readonly currency: string | null;
  readonly quantity: bigint;
  readonly cost: Amount;
}

/** Adds up the hours. */
export function sumUsage(lines: readonly UsageLine[]): UsageSum[] {
  const sums = new Map<string, UsageSum>();
  for (const { planId, meter, dimension, currency, quantity, cost } of lines) {
    const key = JSON.stringify([planId, meter, dimension, currency]);
    const before = sums.get(key);
    sums.set(key, {
      ...{ planId, meter, dimension, currency },
      ...{ quantity: (before?.quantity ?? 0n) + quantity, cost: (before?.cost ?? Amount.ZERO).plus(cost) },
    });
  }
  return [...sums.values()];
}
