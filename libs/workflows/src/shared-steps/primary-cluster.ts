import { createHash } from 'node:crypto';
import { GLOBAL_MANAGEMENT_POLICY, type WantedToken } from '@managed-consul/consul';
import { isSecondary, SECRET_PURPOSES, secretOwnerOf } from '@managed-consul/clusters';
import { findClusterRecord } from '../cluster-record';
import type { ClusterRecord, Step } from '../services';

type Member = Pick<ClusterRecord, 'id' | 'datacenter'>;

/** The cluster whose datacenter this one follows; undefined when it is no secondary, or its primary is gone. */
export async function findPrimary({ cluster, database }: Pick<Step, 'cluster' | 'database'>): Promise<ClusterRecord | undefined> {
  if (!cluster.federation || !isSecondary(cluster.federation)) return undefined;
  const primary = await findClusterRecord(database, cluster.federation.primaryClusterId);
  return primary?.deletedAt === null ? primary : undefined;
}

/** What a secondary copies the access rules of its primary with (Consul's documentation, "ACL Replication"). */
export const REPLICATION_POLICY = {
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
export async function tokensInPrimary({ secrets }: Pick<Step, 'secrets'>, secondary: Member): Promise<WantedToken[]> {
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
