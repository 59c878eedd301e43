import { recordAudit, type Requester } from '@managed-consul/access';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Operation } from '@managed-consul/operations';
import type { SecretStore } from '@managed-consul/secrets';
import { z } from 'zod';
import { lockSnapshot, recordSnapshotChange, requireVerified, type SnapshotWish } from './snapshot-change.request';
import { snapshotLinkPurpose, snapshotSecretsOwner } from './snapshot-names';

/** What a customer downloads a snapshot with. Whoever has it has every token of the cluster at that time. */
export interface SnapshotLink {
  snapshotId: string;
  /** Address of the encrypted snapshot; works without a token until `expiresAt`. */
  url: string;
  /** Key of the content, base64 of 32 bytes. */
  contentKey: string;
  expiresAt: string;
  /** SHA-256 (hex) of the encrypted file, and of the archive inside. */
  storedSha256: string;
  sha256: string;
  /** How to read the file. */
  howToDecrypt: string;
}

/** How a sealed link is read again. */
export const snapshotLinkSchema = z.object({
  snapshotId: z.string(),
  url: z.string(),
  contentKey: z.string(),
  expiresAt: z.string(),
  storedSha256: z.string(),
  sha256: z.string(),
  howToDecrypt: z.string(),
});

/**
 * Asks for a link to download a snapshot. The link is made by the operation and shown once, by `getSnapshotLink`. Throws
 * ResourceNotFound, AuthorizationFailed, Conflict, OperationInProgress.
 */
export async function requestSnapshotLink(tx: Transaction, wish: SnapshotWish, clock: Clock = systemClock): Promise<Operation> {
  const snapshot = await lockSnapshot(tx, wish);
  requireVerified(snapshot);
  const event = { type: 'SnapshotLinkRequested', message: `A download link for the snapshot '${snapshot.name}' was requested.` };
  const change = { kind: OPERATION_KINDS.createSnapshotLink, lane: 'Change' as const, event };
  return recordSnapshotChange(tx, snapshot, change, { requester: wish.requester }, clock);
}

const inputSchema = z.object({ snapshotId: z.uuid() });

/**
 * The link that an operation made; forgotten as it is shown, so that it is shown once. Needs the role Contributor. Throws
 * ResourceNotFound, also for a link that was shown or never made, AuthorizationFailed, and Conflict before the operation ended.
 */
export async function getSnapshotLink(
  tx: Transaction,
  secrets: SecretStore,
  { requester, operationId }: { requester: Requester; operationId: string },
): Promise<SnapshotLink> {
  const gone = () =>
    new AppError('ResourceNotFound', 'There is no link to show: it was shown already, or never made. Ask for another.');
  const operation = await tx.operation.findUnique({ where: { id: operationId } });
  const input = inputSchema.safeParse(operation?.input);
  if (!operation || operation.kind !== OPERATION_KINDS.createSnapshotLink || !input.success) throw gone();
  const { snapshotId } = input.data;
  const { clusterId, installationId } = await lockSnapshot(tx, { requester, snapshotId });
  if (operation.state === 'Pending' || operation.state === 'Running')
    throw new AppError('Conflict', `Operation ${operationId} is not finished. Wait for it, then read the link.`);
  const owner = snapshotSecretsOwner(clusterId);
  const sealed = await secrets.find(owner, snapshotLinkPurpose(operationId), tx);
  if (!sealed) throw gone();
  await secrets.delete(owner, snapshotLinkPurpose(operationId), tx);
  await recordAudit(tx, requester, {
    ...{ action: 'read-snapshot-link', installationId, clusterId, operationId },
    detail: { snapshotId },
  });
  return snapshotLinkSchema.parse(JSON.parse(sealed.reveal()));
}
