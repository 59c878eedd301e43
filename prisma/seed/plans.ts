import type { Prisma } from '@managed-consul/database';

/** What customers may buy. The prices are an example for an operator to replace: they are data, by number of servers. */
export const PLANS: readonly Prisma.PlanCreateManyInput[] = [
  {
    id: 'on-demand',
    displayName: 'On demand',
    description: 'Pay by the hour for each cluster, no commitment.',
    hourlyMicros: { '1': 27_000, '3': 81_000, '5': 135_000 },
  },
  {
    id: 'on-demand-v2',
    displayName: 'On demand, by use',
    description: 'Pay by the hour for each cluster and for the service instances in it, no commitment.',
    hourlyMicros: { '1': 27_000, '3': 69_000, '5': 115_000 },
  },
  {
    id: 'annual',
    displayName: 'Annual',
    description: 'A year in advance at a lower hourly price.',
    hourlyMicros: { '1': 20_000, '3': 60_000, '5': 100_000 },
  },
];

const MICROS = 6;
/** The first price of a plan holds for all time before as well. */
const FIRST_PRICE_FROM = new Date('2020-01-01T00:00:00Z');

/** The plan's price of a cluster hour as a dimension for each number of servers. */
const clusterDimensions = (hourlyMicros: Readonly<Record<string, number>>) =>
  Object.entries(hourlyMicros).map(([servers, micros]) => ({
    meter: `cluster/${servers === '1' ? 'development' : 'production'}/${servers}`,
    name: `cluster_hours_${servers}`,
    tiers: [{ upTo: null, unitPrice: `0.${String(micros).padStart(MICROS, '0')}` }],
  }));

/** The more service instances, the less each of them costs. */
const SERVICE_INSTANCES = {
  meter: 'service-instances',
  name: 'service_instance_hours',
  tiers: [
    { upTo: 50, unitPrice: '0.022' },
    { upTo: 250, unitPrice: '0.018' },
    { upTo: null, unitPrice: '0.014' },
  ],
};

/** The first price of each plan. Snapshots lie in the customer's own storage account, so these plans ask nothing for them. */
export const PLAN_PRICES: readonly Prisma.PlanPriceCreateManyInput[] = PLANS.map(({ id, hourlyMicros }) => ({
  planId: id,
  validFrom: FIRST_PRICE_FROM,
  dimensions: [
    ...clusterDimensions(hourlyMicros as Record<string, number>),
    ...(id === 'on-demand-v2' ? [SERVICE_INSTANCES] : []),
  ],
}));
