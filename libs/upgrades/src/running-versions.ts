import type { ClusterWithServers } from '@managed-consul/clusters';
import { listConsulVersions, type CatalogueEntry, type UpgradeWish } from '@managed-consul/consul-versions';
import type { Database, Transaction } from '@managed-consul/database';

/** The versions that a cluster's servers were last seen to run; after an upgrade that failed they differ. */
export function runningVersions({ consulVersion, serverRecords }: ClusterWithServers): string[] {
  const seen = new Set(serverRecords.map((server) => server.consulVersion ?? consulVersion));
  return seen.size === 0 ? [consulVersion] : [...seen];
}

/** What the planner needs to know of a cluster, and the catalogue, the newest version first. */
export async function readUpgradeFacts(
  prisma: Database['prisma'] | Transaction,
  cluster: ClusterWithServers,
): Promise<Omit<UpgradeWish, 'to'> & { catalogue: readonly CatalogueEntry[] }> {
  return { from: runningVersions(cluster), catalogue: await listConsulVersions({ prisma }) };
}
