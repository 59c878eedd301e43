import type { Database, FederationMember, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';

type Queries = Database['prisma'] | Transaction;

/** Whether a member of a federation follows another cluster's datacenter. */
export const isSecondary = (member: Pick<FederationMember, 'clusterId' | 'primaryClusterId'> | null): boolean =>
  member !== null && member.clusterId !== member.primaryClusterId;

/** The names of the living clusters whose primary datacenter this cluster is, in alphabetical order. */
export async function secondariesOf(queries: Queries, clusterId: string): Promise<string[]> {
  const members = await queries.federationMember.findMany({
    where: { primaryClusterId: clusterId, clusterId: { not: clusterId } },
    select: { cluster: { select: { name: true } } },
  });
  return members.map(({ cluster }) => cluster.name).sort();
}

/** Without their primary, secondaries could make no tokens and no rules any more. Throws FederationHasSecondaries. */
export async function refuseWhileSecondariesLive(tx: Transaction, clusterId: string): Promise<void> {
  const names = await secondariesOf(tx, clusterId);
  if (names.length === 0) return;
  const message = `The cluster is the primary datacenter of ${names.join(', ')}. Delete ${names.length === 1 ? 'it' : 'them'} first.`;
  throw new AppError('FederationHasSecondaries', message);
}
