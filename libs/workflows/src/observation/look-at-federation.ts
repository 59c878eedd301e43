import { isSecondary, type FederationFacts } from '@managed-consul/clusters';
import type { Database } from '@managed-consul/database';
import { TerminalError, TransientError } from '@managed-consul/errors';
import type { ClusterRecord } from '../services';
import { consulOnLeader } from '../shared-steps/consul-access';
import type { Looking } from './look-at-servers';

/** The clusters that one is to see: the primary, also one that is gone, or the secondaries that have joined. */
async function clustersToSee({ prisma }: Database, { id, federation }: ClusterRecord) {
  const other = { select: { datacenter: true, deletedAt: true } } as const;
  if (federation && isSecondary(federation)) {
    return [await prisma.cluster.findUniqueOrThrow({ where: { id: federation.primaryClusterId }, ...other })];
  }
  const joined = { primaryClusterId: id, clusterId: { not: id }, joinedAt: { not: null } };
  return (await prisma.federationMember.findMany({ where: joined, select: { cluster: other } })).map(({ cluster }) => cluster);
}

/** Copying that has gone wrong since it last went well does not count. */
async function copiesFrom(consul: Awaited<ReturnType<typeof consulOnLeader>>, datacenter: string): Promise<boolean> {
  const { Running, SourceDatacenter, LastSuccess, LastError } = await consul.accessControl.replication();
  return Running && SourceDatacenter === datacenter && LastSuccess >= LastError;
}

/**
 * Looks from the leader of a cluster at the other datacenters of its federation. Undefined for a cluster that is in none, and while
 * nobody can be asked: what that means is said elsewhere.
 */
export async function lookAtFederation(looking: Looking & { readonly database: Database }): Promise<FederationFacts | undefined> {
  const { cluster, database } = looking;
  if (!cluster.federation) return undefined;
  const others = await clustersToSee(database, cluster);
  const expected = others.map(({ datacenter }) => datacenter);
  const [first] = others;
  const follows =
    first && isSecondary(cluster.federation) ? { datacenter: first.datacenter, isGone: first.deletedAt !== null } : undefined;
  try {
    const consul = await consulOnLeader(looking);
    const [alive, copiesTokens] = await Promise.all([
      consul.aliveDatacenters(),
      follows && !follows.isGone ? copiesFrom(consul, follows.datacenter) : undefined,
    ]);
    return { follows, expected, alive, copiesTokens };
  } catch (error) {
    if (error instanceof TransientError || error instanceof TerminalError) return undefined;
    throw error;
  }
}
