import { describe, expect, it } from 'vitest';
import { Amount } from './amount';
import { SERVICE_INSTANCES, SNAPSHOT_STORAGE, unitHours } from './meters';
import { costOf, dimensionOf, dimensionsSchema, type PriceDimension } from './price';

const dimension = (more: object): PriceDimension =>
  dimensionsSchema.parse([{ meter: SERVICE_INSTANCES, name: 'instances', tiers: [{ upTo: null, unitPrice: '1' }], ...more }])[0]!;

/** The sample that the original service's API shows: three tiers by number of service instances. */
const published = dimension({
  tiers: [
    { upTo: 50, unitPrice: '0.022' },
    { upTo: 250, unitPrice: '0.018' },
    { upTo: null, unitPrice: '0.014' },
  ],
});

const hourOf = (units: number, seconds = 3600) => ({
  ...{ meter: SERVICE_INSTANCES, seconds, quantity: BigInt(units) * BigInt(seconds) },
});
const total = (price: PriceDimension, used: Parameters<typeof costOf>[1]) =>
  Amount.sum(costOf(price, used).map(({ cost }) => cost));

describe('an hour of service instances', () => {
  it.each([
    [0, '0.000000'],
    [1, '0.022000'],
    [49, '1.078000'],
    [50, '1.100000'],
    [51, '1.118000'],
    [249, '4.682000'],
    [250, '4.700000'],
    [251, '4.714000'],
    [1000, '15.200000'],
  ])('costs by tier: %i instances are %s', (instances, cost) => {
    expect(total(published, hourOf(instances)).toText()).toBe(cost);
  });

  it('says of each tier what is in it', () => {
    const lines = costOf(published, hourOf(300));
    expect(
      lines.map(({ label, unitPrice, quantity, cost }) => [label, unitPrice, Number(quantity) / 3600, cost.toText(3)]),
    ).toEqual([
      ['1-50', '0.022', 50, '1.100'],
      ['51-250', '0.018', 200, '3.600'],
      ['251+', '0.014', 50, '0.700'],
    ]);
  });

  it.each([
    [0, '0.220000'],
    [9, '0.220000'],
    [10, '0.220000'],
    [11, '0.242000'],
  ])('is billed for the minimum at least: %i instances are %s', (instances, cost) => {
    expect(total({ ...published, minimum: 10 }, hourOf(instances)).toText()).toBe(cost);
  });

  it.each([
    [19, '0.000000'],
    [20, '0.000000'],
    [21, '0.022000'],
    [50, '0.660000'],
    [51, '0.678000'],
  ])('lets the included instances go free, the first ones: %i instances are %s', (instances, cost) => {
    expect(total({ ...published, included: 20 }, hourOf(instances)).toText()).toBe(cost);
  });

  it('costs half for half the time', () => {
    expect(total(published, hourOf(300, 1800)).toText()).toBe('2.700000');
  });
});

describe('money', () => {
  it('is exact until it is shown, and a half goes to the even digit', () => {
    const third = Amount.of(2n ** 30n, '0.000001');
    expect(Amount.sum(Array.from({ length: 3600 }, () => third)).toText(12)).toBe('0.000001000000');
    const half = (price: string) => Amount.of(1800n * 2n ** 30n, price).toText(2);
    expect([half('0.01'), half('0.03'), half('0.05')]).toEqual(['0.00', '0.02', '0.02']);
    expect(Amount.of(-3600n * 2n ** 30n, '0.5').toText(2)).toBe('-0.50');
  });

  it('has no more digits than a price may have', () => {
    for (const unitPrice of ['1e3', '-1', '1.', '.5', '0.0000000000001', '1,5', 'NaN'])
      expect(dimensionsSchema.safeParse([{ ...published, tiers: [{ upTo: null, unitPrice }] }]).success, unitPrice).toBe(false);
  });

  it('compares with a share of a budget to the last digit', () => {
    const cost = Amount.of(3600n * 2n ** 30n, '80');
    expect([cost.reaches(80, '100'), cost.reaches(80, '100.000001'), cost.reaches(81, '100')]).toEqual([true, false, false]);
  });
});

describe('the price of a meter', () => {
  const tiers = [{ upTo: null, unitPrice: '1' }];
  const dimensions = dimensionsSchema.parse([
    { meter: 'cluster', name: 'any', tiers },
    { meter: 'cluster/production/3', name: 'three', tiers },
    { meter: 'cluster/production/3/Standard_D2s_v5', name: 'three_d2', tiers },
  ]);

  it.each([
    ['cluster/production/3/Standard_D2s_v5', 'three_d2'],
    ['cluster/production/3/Standard_D4s_v5', 'three'],
    ['cluster/production/5/Standard_D2s_v5', 'any'],
    [SERVICE_INSTANCES, undefined],
  ])('is the one that names it most exactly: %s', (meter, name) => {
    expect(dimensionOf(dimensions, meter)?.name).toBe(name);
  });

  it.each([
    ['tiers that fall', { tiers: [{ upTo: 5, unitPrice: '1' }, { upTo: 5, unitPrice: '1' }, ...tiers] }],
    ['a last tier with an end', { tiers: [{ upTo: 5, unitPrice: '1' }] }],
    ['a tier without an end before another', { tiers: [...tiers, ...tiers] }],
    ['tiers of storage', { meter: SNAPSHOT_STORAGE, tiers: [{ upTo: 5, unitPrice: '2' }, ...tiers] }],
    ['a meter that nobody counts', { meter: 'moonlight' }],
  ])('is refused with %s', (_what, more) => {
    expect(dimensionsSchema.safeParse([{ meter: SERVICE_INSTANCES, name: 'x', tiers, ...more }]).success).toBe(false);
  });
});

/** Numbers that look random and are the same in every run. */
function seededNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('however an hour is cut', () => {
  it.each(Array.from({ length: 50 }, (_none, index) => index + 1))('its cost is the same (seed %i)', (seed) => {
    const below = seededNumbers(seed);
    const first = below(100) + 1;
    const price = dimension({
      minimum: below(2) * below(120),
      included: below(2) * below(60),
      tiers: [
        { upTo: first, unitPrice: `0.${String(below(1_000_000)).padStart(6, '0')}` },
        { upTo: first + below(400) + 1, unitPrice: `0.${String(below(1_000_000)).padStart(12, '0')}` },
        { upTo: null, unitPrice: String(below(7)) },
      ],
    });
    const units = below(700);
    const cuts = [0, ...Array.from({ length: below(12) }, () => below(3601)), 3600].sort((one, other) => one - other);
    const pieces = cuts.slice(1).map((end, index) => end - cuts[index]!);
    const costs = pieces.map((seconds) => total(price, hourOf(units, seconds)));
    const whole = total(price, hourOf(units)).toText(12);
    expect(Amount.sum(costs).toText(12)).toBe(whole);
    expect(Amount.sum([...costs].sort(() => below(3) - 1)).toText(12)).toBe(whole);
  });
});

it('quantities are shown in unit hours', () => {
  expect(unitHours('cluster/production/3/x', 1200n)).toBe('0.333333');
  expect(unitHours(SNAPSHOT_STORAGE, 3n * 2n ** 30n * 3600n)).toBe('3.000000');
});
