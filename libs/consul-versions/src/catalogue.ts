import type { ConsulArtifact, ConsulVersion, Database, Plan, Region, Transaction } from '@managed-consul/database';

export type ConsulVersionWithArtifacts = ConsulVersion & { artifacts: ConsulArtifact[] };

const partsOf = (version: string): number[] => version.split(/[.+-]/).slice(0, 3).map(Number);

/** Orders versions the newest first, by their numbers and not by their letters: 1.10.0 comes before 1.9.9. */
export function compareVersionsDescending(one: string, other: string): number {
  const [left, right] = [partsOf(one), partsOf(other)];
  for (const index of [0, 1, 2]) {
    const difference = (right[index] ?? 0) - (left[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return other.localeCompare(one);
}

/** Every version that the service knows, the newest first, blocked ones with their reason. */
export async function listConsulVersions(database: {
  prisma: Database['prisma'] | Transaction;
}): Promise<ConsulVersionWithArtifacts[]> {
  const versions = await database.prisma.consulVersion.findMany({ include: { artifacts: { orderBy: { platform: 'asc' } } } });
  return versions.sort((one, other) => compareVersionsDescending(one.version, other.version));
}

/** Every region, by geography and name. */
export const listRegions = (database: Database): Promise<Region[]> =>
  database.prisma.region.findMany({ orderBy: [{ geography: 'asc' }, { name: 'asc' }] });

/** Every plan, by id. */
export const listPlans = (database: Database): Promise<Plan[]> => database.prisma.plan.findMany({ orderBy: { id: 'asc' } });
