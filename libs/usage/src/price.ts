import { z } from 'zod';
import { Amount, isDecimal } from './amount';
import { isClusterMeter, SERVICE_INSTANCES, SNAPSHOT_STORAGE, unitOf } from './meters';

const unitPriceSchema = z.string().refine(isDecimal, 'Give an amount as decimal text, with at most 12 digits after the point.');

/** Units up to and with `upTo` that those of lower tiers leave; null for all the rest. */
const tierSchema = z.strictObject({ upTo: z.int().positive().nullable(), unitPrice: unitPriceSchema });

const risesToTheEnd = (tiers: readonly z.infer<typeof tierSchema>[]): boolean =>
  tiers.every(({ upTo }, index) =>
    index === tiers.length - 1 ? upTo === null : upTo !== null && upTo > (tiers[index - 1]?.upTo ?? 0),
  );

/**
 * The price of a meter, for an hour of each unit. Tiers are progressive: each unit costs what its own tier says, whatever
 * comes after it. A meter is billed for `minimum` units at least, and its first `included` units cost nothing.
 */
const dimensionSchema = z
  .strictObject({
    /** A meter, or the beginning of one up to a slash: `cluster/production/3` prices all sizes. The longest that fits counts. */
    meter: z
      .string()
      .refine((meter) => meter === SERVICE_INSTANCES || meter === SNAPSHOT_STORAGE || /^cluster(\/|$)/.test(meter)),
    /** What the dimension is called on bills and in the Marketplace. */
    name: z.string().regex(/^[a-z0-9_]{1,80}$/),
    minimum: z.int().nonnegative().default(0),
    included: z.int().nonnegative().default(0),
    tiers: z.array(tierSchema).min(1).max(20).refine(risesToTheEnd, 'Tiers rise, and only the last one has no end.'),
  })
  .refine(
    // The amount that is stored changes within an hour, and tiers of its mean would depend on how the hour is cut.
    ({ meter, minimum, included, tiers }) =>
      meter === SERVICE_INSTANCES || (tiers.length === 1 && minimum === 0 && included === 0),
    'Only service instances have tiers, a minimum and units that are included.',
  );

export const dimensionsSchema = z
  .array(dimensionSchema)
  .min(1)
  .refine((all) => new Set(all.map(({ meter }) => meter)).size === all.length, 'Price each meter once.');

export type PriceDimension = z.infer<typeof dimensionSchema>;
export type PriceDimensionInput = z.input<typeof dimensionSchema>;

/** What was used of a meter under one price. */
export interface Used {
  readonly meter: string;
  readonly seconds: number;
  readonly quantity: bigint;
}

/** The part of a use that one tier prices. */
export interface TierLine {
  /** `1-50`, `51-250`, `251+`. */
  readonly label: string;
  readonly unitPrice: string;
  /** In the ledger's own small units. */
  readonly quantity: bigint;
  readonly cost: Amount;
}

const PARTS_OF_A_UNIT_SECOND = 2n ** 30n;

/** The dimension that prices a meter: the longest that it begins with. Undefined if none does: it then costs nothing. */
export function dimensionOf(dimensions: readonly PriceDimension[], meter: string): PriceDimension | undefined {
  const fits = dimensions.filter((one) => meter === one.meter || (isClusterMeter(meter) && meter.startsWith(`${one.meter}/`)));
  return fits.sort((one, other) => other.meter.length - one.meter.length)[0];
}

export const tierLabel = (tiers: PriceDimension['tiers'], index: number): string => {
  const from = (tiers[index - 1]?.upTo ?? 0) + 1;
  const upTo = tiers[index]?.upTo ?? null;
  return upTo === null ? `${from}+` : `${from}-${upTo}`;
};

const least = (one: bigint, other: bigint): bigint => (one < other ? one : other);
const most = (one: bigint, other: bigint): bigint => (one > other ? one : other);

/**
 * What a use costs by tier, exactly. With the same number of units all along, the lines of an hour that is cut into parts add up
 * to those of the whole.
 */
export function costOf({ tiers, minimum, included }: PriceDimension, { meter, seconds, quantity }: Used): TierLine[] {
  const { perUnitSecond } = unitOf(meter);
  // The bounds of tiers are in units; over the time of this use they are that many unit seconds.
  const overTime = (units: number) => BigInt(units) * BigInt(seconds) * perUnitSecond;
  const billed = most(quantity, overTime(minimum));
  const free = overTime(included);
  return tiers.flatMap(({ upTo, unitPrice }, index) => {
    const from = most(overTime(tiers[index - 1]?.upTo ?? 0), free);
    const inTier = (upTo === null ? billed : least(billed, overTime(upTo))) - from;
    if (inTier <= 0n) return [];
    const cost = Amount.of((inTier * PARTS_OF_A_UNIT_SECOND) / perUnitSecond, unitPrice);
    return [{ label: tierLabel(tiers, index), unitPrice, quantity: inTier, cost }];
  });
}
