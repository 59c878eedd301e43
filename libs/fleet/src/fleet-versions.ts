import type { ConsulVersion, Database, Transaction } from '@managed-consul/database';
import { compareVersionsDescending } from '@managed-consul/consul-versions';

/** A version of the catalogue, with the platforms that there is a program for and how many living clusters want it. */
export type FleetVersion = ConsulVersion & { platforms: string[]; clusters: number };

/** All of them, the newest first. */
export async function listFleetVersions(database: Database['prisma'] | Transaction): Promise<FleetVersion[]> {
  const versions = await database.consulVersion.findMany({ include: { artifacts: { select: { platform: true } } } });
  const counts = await database.cluster.groupBy({ by: ['consulVersion'], where: { deletedAt: null }, _count: { _all: true } });
  const byVersion = new Map(counts.map(({ consulVersion, _count }) => [consulVersion, _count._all]));
  return versions
    .map(({ artifacts, ...version }) => ({
      ...version,
      platforms: artifacts.map(({ platform }) => platform).sort(),
      clusters: byVersion.get(version.version) ?? 0,
    }))
    .sort((one, other) => compareVersionsDescending(one.version, other.version));
}
