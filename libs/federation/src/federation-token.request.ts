import { randomBytes } from 'node:crypto';
import { recordAudit, type Requester } from '@managed-consul/access';
import {
  isSecondary,
  lockCluster,
  OPERATION_KINDS,
  recordClusterChange,
  refuseWhileUnfinished,
  requireManageable,
  SECRET_PURPOSES,
  secretOwnerOf,
  clusterSubject,
  type ClusterWithServers,
} from '@managed-consul/clusters';
import { hours, SecretValue, systemClock, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Operation } from '@managed-consul/operations';
import type { SecretStore } from '@managed-consul/secrets';
import { writeFederationToken } from './federation-token';

/** Long enough to be pasted into another installation's form, short enough that one that was forgotten opens nothing. */
export const FEDERATION_TOKEN_LIFETIME: Milliseconds = hours(24 * 7);

export interface CreatedFederationToken {
  federationToken: SecretValue;
  expiresAt: Date;
  primaryDatacenter: string;
  /** Opens the cluster for other datacenters; undefined when it is open, or being opened, already. Ring for it after the commit. */
  operation: Operation | undefined;
}

const isBeingOpened = async (tx: Transaction, clusterId: string): Promise<boolean> =>
  (await tx.operation.count({
    where: { subject: clusterSubject(clusterId), kind: OPERATION_KINDS.openFederation, state: { in: ['Pending', 'Running'] } },
  })) > 0;

async function requestOpening(
  tx: Transaction,
  requester: Requester,
  cluster: ClusterWithServers,
  clock: Clock,
): Promise<Operation | undefined> {
  if (await isBeingOpened(tx, cluster.id)) return undefined;
  await refuseWhileUnfinished(tx, cluster.id);
  const message = 'The cluster was asked to take other datacenters; its servers are restarted for it, one after the other.';
  const event = { type: 'FederationRequested', message };
  return recordClusterChange(tx, cluster, { kind: OPERATION_KINDS.openFederation, input: {}, event }, { requester }, clock);
}

/**
 * A token with which another cluster of the same tenant may be created as a secondary of this one, for `FEDERATION_TOKEN_LIFETIME`
 * and as often as wanted; it is kept nowhere. The first one makes the cluster a primary, and its operation opens it for other
 * datacenters; one that failed is asked for again. Throws ResourceNotFound, AuthorizationFailed, OperationInProgress, and Conflict
 * for a cluster that does not run or is a secondary itself.
 */
export async function createFederationToken(
  tx: Transaction,
  secrets: SecretStore,
  { requester, clusterId }: { requester: Requester; clusterId: string },
  clock: Clock = systemClock,
): Promise<CreatedFederationToken> {
  const cluster = await lockCluster(tx, requester, clusterId);
  requireManageable(cluster);
  const { datacenter, installationId } = cluster;
  const present = await tx.federationMember.findUnique({ where: { clusterId } });
  if (isSecondary(present))
    throw new AppError('Conflict', 'The cluster is a secondary datacenter. Ask its primary for a federation token.');
  const own = { clusterId, primaryClusterId: clusterId, datacenter };
  const member = present ?? (await tx.federationMember.create({ data: own }));
  const operation = member.openedAt ? undefined : await requestOpening(tx, requester, cluster, clock);
  const drawn = new SecretValue(randomBytes(32).toString('base64'));
  const key = await secrets.putIfAbsent(secretOwnerOf(clusterId), SECRET_PURPOSES.federationKey, drawn, tx);
  const expiresAt = new Date(Math.floor((clock.now().getTime() + FEDERATION_TOKEN_LIFETIME) / 1000) * 1000);
  const federationToken = writeFederationToken({ primaryClusterId: clusterId, expiresAt }, key);
  const detail = { expiresAt: expiresAt.toISOString() };
  const operationId = operation ? { operationId: operation.id } : {};
  await recordAudit(tx, requester, { action: 'create-federation-token', installationId, clusterId, ...operationId, detail });
  return { federationToken, expiresAt, primaryDatacenter: datacenter, operation };
}
