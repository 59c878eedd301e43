import { recordAudit, type Requester } from '@managed-consul/access';
import type { SecretValue } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { SecretStore } from '@managed-consul/secrets';
import { SECRET_PURPOSES, secretOwnerOf, TRUSTED_AUTHORITIES } from './cluster-names';
import { getCluster } from './cluster-reads';

/** What a Consul client agent has to be told to join a cluster. */
export interface ClientBundle {
  clusterName: string;
  datacenter: string;
  /** Every authority that a server's certificate may come from: two while the cluster's authority is being rotated. */
  caPem: string;
  gossipKey: SecretValue;
  /** Where the tokens of its federation are made; undefined outside of one. */
  primaryDatacenter?: string;
  serverAddresses: string[];
}

/**
 * Reads the client bundle and records who did. It holds the gossip key, so it needs the role Contributor. Throws
 * ResourceNotFound, AuthorizationFailed, and Conflict while the cluster has no servers, certificates or key yet.
 */
export async function readClientBundle(
  database: Database,
  secrets: SecretStore,
  { requester, clusterId }: { requester: Requester; clusterId: string },
): Promise<ClientBundle> {
  const cluster = await getCluster(database.prisma, requester, clusterId, { needed: 'Contributor', reads: true });
  const owner = secretOwnerOf(clusterId);
  const [authorities, gossipKey] = await Promise.all([
    database.prisma.certificate.findMany({ where: { owner, purpose: { in: [...TRUSTED_AUTHORITIES] } }, orderBy: { id: 'asc' } }),
    secrets.find(owner, SECRET_PURPOSES.gossipKey),
  ]);
  const federation = await database.prisma.federationMember.findUnique({
    where: { clusterId },
    select: { primaryCluster: { select: { datacenter: true } } },
  });
  const members = cluster.serverRecords.filter(({ membership }) => membership === 'Member');
  if (authorities.length === 0 || !gossipKey || members.length === 0) {
    throw new AppError('Conflict', `The cluster is ${cluster.provisioningState}; its client bundle exists once its servers do.`);
  }
  const { installationId } = cluster;
  await database.prisma.$transaction((tx) =>
    recordAudit(tx, requester, { action: 'read-client-bundle', installationId, clusterId }),
  );
  return {
    clusterName: cluster.name,
    datacenter: cluster.datacenter,
    caPem: authorities.map(({ pem }) => pem).join(''),
    gossipKey,
    ...(federation ? { primaryDatacenter: federation.primaryCluster.datacenter } : {}),
    serverAddresses: members.map((server) => server.address),
  };
}
