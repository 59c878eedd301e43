import type { Caller } from '@managed-consul/access';
import { getCluster, isSecondary } from '@managed-consul/clusters';
import type { Cluster, Database, FederationMember, Installation, ProvisioningState, Transaction } from '@managed-consul/database';

/** `PrimaryDatacenterMissing`: it went with its managed application, and its secondaries can make no tokens any more. */
export type FederationState = 'NotFederated' | 'Running' | 'PrimaryDatacenterMissing';

/** What the members of a federation may know of each other. */
export interface FederatedCluster {
  id: string;
  name: string;
  datacenter: string;
  region: string;
  subscriptionId: string;
  /** Name of the managed resource group. */
  resourceGroup: string;
  /** Id of the managed application that brought it, as Azure writes it; null where none did. */
  applicationId: string | null;
  provisioningState: ProvisioningState;
  /** Since when it and its primary have seen each other; null for a primary, and until then. */
  joinedAt: Date | null;
}

export interface Federation {
  state: FederationState;
  /** Null when there is none any more, and for a cluster that is in no federation. */
  primary: FederatedCluster | null;
  /** In the order in which they were asked for. */
  secondaries: FederatedCluster[];
}

const MEMBER = { cluster: { include: { installation: true } } } as const;

const federated = ({
  cluster,
  joinedAt,
}: FederationMember & { cluster: Cluster & { installation: Installation } }): FederatedCluster => {
  const { id, name, datacenter, region, provisioningState, installation } = cluster;
  const { subscriptionId, resourceGroup } = installation;
  const applicationId = installation.applicationIdAsWritten ?? installation.applicationId;
  return { id, name, datacenter, region, subscriptionId, resourceGroup, applicationId, provisioningState, joinedAt };
};

/**
 * The federation that a cluster belongs to, the same from every side of it. Members are of one tenant and have joined with each
 * other's consent. Throws ResourceNotFound.
 */
export async function getFederation(
  database: Database['prisma'] | Transaction,
  { requester, clusterId }: { requester: Caller; clusterId: string },
): Promise<Federation> {
  await getCluster(database, requester, clusterId);
  const own = await database.federationMember.findUnique({ where: { clusterId } });
  if (!own) return { state: 'NotFederated', primary: null, secondaries: [] };
  const members = await database.federationMember.findMany({
    where: { primaryClusterId: own.primaryClusterId },
    orderBy: [{ createdAt: 'asc' }, { clusterId: 'asc' }],
    include: MEMBER,
  });
  const primary = members.find((member) => !isSecondary(member));
  return {
    state: primary ? 'Running' : 'PrimaryDatacenterMissing',
    primary: primary ? federated(primary) : null,
    secondaries: members.filter(isSecondary).map(federated),
  };
}

/** The id of the cluster whose datacenter a secondary follows, also of one that is gone; undefined for every other cluster. */
export async function findPrimaryOf(database: Database['prisma'], clusterId: string): Promise<string | undefined> {
  const member = await database.federationMember.findUnique({ where: { clusterId } });
  return isSecondary(member) ? member?.primaryClusterId : undefined;
}
