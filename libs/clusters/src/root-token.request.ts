import { randomUUID } from 'node:crypto';
import { nameOf, recordAudit, type Requester } from '@managed-consul/access';
import { SecretValue, systemClock, type Clock } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import { requestOperation, type Operation } from '@managed-consul/operations';
import type { SecretStore } from '@managed-consul/secrets';
import { requireManageable } from './cluster-change.request';
import { clusterSubject, OPERATION_KINDS, rootTokenPurpose, secretOwnerOf, type CreateRootTokenInput } from './cluster-names';
import { lockCluster, recordClusterEvent, refuseWhileUnfinished } from './cluster-writes';

/** A root token that was asked for. Its secret is shown to the customer once and kept sealed until Consul knows it. */
export interface RequestedRootToken {
  accessorId: string;
  secretId: SecretValue;
  operation: Operation;
}

/**
 * Asks for a new root token. The secret is drawn here and sealed in the transaction; the operation makes it valid and revokes
 * the token before it. Throws ResourceNotFound, AuthorizationFailed, OperationInProgress, and Conflict for a cluster that does
 * not run.
 */
export async function requestRootToken(
  tx: Transaction,
  secrets: SecretStore,
  { requester, clusterId }: { requester: Requester; clusterId: string },
  clock: Clock = systemClock,
): Promise<RequestedRootToken> {
  const cluster = await lockCluster(tx, requester, clusterId);
  await refuseWhileUnfinished(tx, clusterId);
  // Also when its last change failed: a restore may have ended the token that the customer had.
  if (cluster.provisioningState !== 'Succeeded') requireManageable(cluster);
  const accessorId = randomUUID();
  const secretId = new SecretValue(randomUUID());
  await secrets.put(secretOwnerOf(clusterId), rootTokenPurpose(accessorId), secretId, tx);
  await tx.rootToken.create({ data: { accessorId, clusterId } });
  const input: CreateRootTokenInput = { accessorId };
  const { installationId } = cluster;
  const operation = await requestOperation(
    tx,
    {
      kind: OPERATION_KINDS.createRootToken,
      subject: clusterSubject(clusterId),
      clusterId,
      installationId,
      lane: 'Change',
      input,
      requestedBy: nameOf(requester),
      correlationId: requester.correlationId,
    },
    clock,
  );
  await recordAudit(tx, requester, {
    action: operation.kind,
    installationId,
    clusterId,
    operationId: operation.id,
    detail: { accessorId },
  });
  const message = 'A new root token was requested; the one before will be revoked.';
  await recordClusterEvent(tx, { clusterId, operationId: operation.id, type: 'RootTokenRequested', message });
  return { accessorId, secretId, operation };
}
