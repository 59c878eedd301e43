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
    id: 'annual',
    displayName: 'Annual',
    description: 'A year in advance at a lower hourly price.',
    hourlyMicros: { '1': 20_000, '3': 60_000, '5': 100_000 },
  },
];
