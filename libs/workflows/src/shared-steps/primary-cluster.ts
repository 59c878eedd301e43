import { createHash } from 'node:crypto';
import { GLOBAL_MANAGEMENT_POLICY, type WantedToken } from '@managed-consul/consul';
import { isSecondary, SECRET_PURPOSES, secretOwnerOf } from '@managed-consul/clusters';
import { TransientError } from '@managed-consul/errors';
import { findClusterRecord } from '../cluster-record';
import type { ClusterRecord, Step } from '../services';
import { consulOnLeader } from './consul-access';

type Member = Pick<ClusterRecord, 'id' | 'datacenter'>;

/** The cluster whose datacenter this one follows; undefined when it is no secondary, or its primary is gone. */
export async function findPrimary({ cluster, database }: Pick<Step, 'cluster' | 'database'>): Promise<ClusterRecord | undefined> {
  if (!cluster.federation || !isSecondary(cluster.federation)) return undefined;
  const primary = await findClusterRecord(database, cluster.federation.primaryClusterId);
  return primary?.deletedAt === null ? primary : undefined;
}

/** What a secondary copies the access rules of its primary with (Consul's documentation, "ACL Replication"). */
const REPLICATION_POLICY = {
  name: 'managed-consul-replication',
  description: 'Lets secondary datacenters copy tokens, policies and intentions, and certify their part of the mesh.',
  rules: 'acl = "write"\noperator = "write"\nservice_prefix "" {\n  policy = "read"\n  intentions = "read"\n}\n',
};

/** Always the same for a secondary and a purpose, so that making a token twice makes one. An accessor opens nothing. */
function accessorOf({ id }: Member, purpose: string): string {
  const hex = createHash('sha256').update(`${id}/${purpose}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Accessors of the tokens that a secondary has in its primary. */
export const accessorsInPrimary = (secondary: Member): string[] =>
  [SECRET_PURPOSES.replicationToken, SECRET_PURPOSES.managementToken].map((purpose) => accessorOf(secondary, purpose));

/** The tokens that a secondary has in its primary, with the secrets that are kept with the secondary. */
async function tokensInPrimary({ secrets }: Pick<Step, 'secrets'>, secondary: Member): Promise<WantedToken[]> {
  const { replicationToken, managementToken } = SECRET_PURPOSES;
  const wanted = async (purpose: string, description: string, policy: string): Promise<WantedToken> => ({
    accessorId: accessorOf(secondary, purpose),
    secretId: await secrets.get(secretOwnerOf(secondary.id), purpose),
    description: `${description} of datacenter ${secondary.datacenter}`,
    policies: [policy],
  });
  return Promise.all([
    wanted(replicationToken, 'Replication', REPLICATION_POLICY.name),
    wanted(managementToken, 'Service', GLOBAL_MANAGEMENT_POLICY),
  ]);
}

/** Makes the policy and the tokens in the primary that `secondaries` work with, or brings them up to date. */
export async function ensureTokensOf(
  { agents, secrets, signal }: Pick<Step, 'agents' | 'secrets' | 'signal'>,
  primary: ClusterRecord,
  secondaries: readonly Member[],
): Promise<void> {
  const { accessControl } = await consulOnLeader({ agents, secrets, signal, cluster: primary });
  await accessControl.ensurePolicy(REPLICATION_POLICY);
  for (const secondary of secondaries)
    for (const token of await tokensInPrimary({ secrets }, secondary)) await accessControl.ensureToken(token);
}

/** The secondaries of a primary that have drawn their tokens. */
async function secondariesOf({ cluster, database, secrets }: Pick<Step, 'cluster' | 'database' | 'secrets'>): Promise<Member[]> {
  const members = await database.prisma.federationMember.findMany({
    where: { primaryClusterId: cluster.id, clusterId: { not: cluster.id } },
    select: { cluster: { select: { id: true, datacenter: true } } },
  });
  const drawn = await Promise.all(
    members.map(async ({ cluster: member }) =>
      (await secrets.find(secretOwnerOf(member.id), SECRET_PURPOSES.replicationToken)) ? [member] : [],
    ),
  );
  return drawn.flat();
}

/** Accessors of the tokens by which the federation of a cluster holds together: no restore may end or revoke them. */
export async function federationAccessors(step: Pick<Step, 'cluster' | 'database' | 'secrets'>): Promise<string[]> {
  const { federation } = step.cluster;
  if (!federation) return [];
  return (isSecondary(federation) ? [step.cluster] : await secondariesOf(step)).flatMap(accessorsInPrimary);
}

/** A primary that cannot be asked must not keep its secondary from being put right. */
const TRIES = 5;

/**
 * After a restore. Of a primary: a snapshot from before a secondary joined knows nothing of its tokens, and without them it would
 * shut out the service too. Of a secondary: a change in the primary has it compare everything that it copies.
 */
export async function reissueFederationTokens(step: Step): Promise<void> {
  const { cluster } = step;
  if (!cluster.federation) return;
  if (!isSecondary(cluster.federation)) return ensureTokensOf(step, cluster, await secondariesOf(step));
  const primary = await findPrimary(step);
  if (!primary || primary.serverRecords.length === 0 || primary.powerState === 'Suspended') return;
  try {
    await ensureTokensOf(step, primary, [cluster]);
  } catch (error) {
    if (error instanceof TransientError && step.attempt >= TRIES) return;
    throw error;
  }
}
