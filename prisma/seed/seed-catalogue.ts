import type { Database } from '@managed-consul/database';
import { CONSUL_VERSIONS } from './consul-versions';
import { PLAN_PRICES, PLANS } from './plans';
import { REGIONS } from './regions';

/**
 * Fills the catalogue of a new service: regions, plans, Consul versions. Safe to call at every start: what an operator has
 * changed since (a closed region, a price, a blocked version) stays as it is.
 */
export async function seedCatalogue(database: Database): Promise<void> {
  const regions = REGIONS.map(([name, displayName, geography, availabilityZones]) => ({
    name,
    displayName,
    geography,
    availabilityZones,
  }));
  await database.prisma.$transaction([
    database.prisma.region.createMany({ data: regions, skipDuplicates: true }),
    database.prisma.plan.createMany({ data: [...PLANS], skipDuplicates: true }),
    database.prisma.planPrice.createMany({ data: [...PLAN_PRICES], skipDuplicates: true }),
    database.prisma.consulVersion.createMany({ data: [...CONSUL_VERSIONS], skipDuplicates: true }),
  ]);
}
