import { isSecondary, type ClusterWithServers } from '@managed-consul/clusters';
import { listConsulVersions, type CatalogueEntry, type UpgradeWish } from '@managed-consul/consul-versions';
import type { Database, Transaction } from '@managed-consul/database';

/** The versions that a cluster's servers were last seen to run; after an upgrade that failed they differ. */
export function runningVersions({ consulVersion, serverRecords }: ClusterWithServers): string[] {
  const seen = new Set(serverRecords.map((server) => server.consulVersion ?? consulVersion));
  return seen.size === 0 ? [consulVersion] : [...seen];
}

/** The versions of the primary datacenter that a cluster follows; none for every other cluster, and once the primary is gone. */
async function primaryVersions(prisma: Database['prisma'] | Transaction, clusterId: string): Promise<string[]> {
  const member = await prisma.federationMember.findUnique({
    where: { clusterId },
    include: { primaryCluster: { include: { serverRecords: true } } },
  });
  if (!member || !isSecondary(member) || member.primaryCluster.deletedAt !== null) return [];
  return runningVersions(member.primaryCluster);
}

/** What the planner needs to know of a cluster, and the catalogue, the newest version first. */
export async function readUpgradeFacts(
  prisma: Database['prisma'] | Transaction,
  cluster: ClusterWithServers,
): Promise<Omit<UpgradeWish, 'to'> & { catalogue: readonly CatalogueEntry[] }> {
  const primary = await primaryVersions(prisma, cluster.id);
  return { from: runningVersions(cluster), primary, catalogue: await listConsulVersions({ prisma }) };
}
