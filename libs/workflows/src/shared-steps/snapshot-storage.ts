import type { BlobPlace } from '@managed-consul/azure';
import { minutes } from '@managed-consul/config';
import type { Snapshot } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import { contentKeyPurpose, snapshotSecretsOwner } from '@managed-consul/snapshots';
import type { Services, Step } from '../services';

/** How long an agent may begin to read with a link; reading a snapshot takes seconds. */
const SOURCE_LASTS = minutes(30);

type Reading = Pick<Services, 'azure' | 'database' | 'secrets'>;

/** The snapshot's bytes are gone with the account, or were never stored. */
const noStorage = (snapshot: Snapshot): TerminalError =>
  new TerminalError(
    'SnapshotStorageGone',
    `The storage of the snapshot '${snapshot.name}' does not exist any more. Choose another snapshot.`,
  );

/** The snapshot of that id. Throws TerminalError when it is deleted or was never there. */
export async function findSnapshot({ database }: Pick<Services, 'database'>, snapshotId: string): Promise<Snapshot> {
  const snapshot = await database.prisma.snapshot.findUnique({ where: { id: snapshotId } });
  if (snapshot && snapshot.deletedAt === null) return snapshot;
  throw new TerminalError('SnapshotNotFound', 'The snapshot does not exist any more. Choose another one.');
}

/** Where the storage account of a snapshot is: in the place of its installation, whatever became of the cluster. */
export async function storageOf({ azure, database }: Pick<Services, 'azure' | 'database'>, snapshot: Snapshot) {
  const { installationId, storageAccountName } = snapshot;
  const { subscriptionId, resourceGroup } = await database.prisma.installation.findUniqueOrThrow({
    where: { id: installationId },
  });
  const subscription = azure.inSubscription(subscriptionId);
  const account = storageAccountName ? await subscription.storageAccounts.find(resourceGroup, storageAccountName) : undefined;
  return { subscription, subscriptionId, resourceGroup, account };
}

/** The blob of a snapshot. Throws TerminalError when its account is gone or nothing was stored. */
export async function blobOf(services: Pick<Services, 'azure' | 'database'>, snapshot: Snapshot): Promise<BlobPlace> {
  const { account } = await storageOf(services, snapshot);
  const { containerName, blobName } = snapshot;
  if (!account?.blobEndpoint || !containerName || !blobName) throw noStorage(snapshot);
  return { endpoint: account.blobEndpoint, container: containerName, name: blobName };
}

/** What an agent reads a snapshot with. */
export interface SnapshotSource {
  /** A link that ends soon; whoever has it reads encrypted bytes. */
  url: string;
  /** Key of the content, base64 of 32 bytes: to the agent and nowhere else. */
  contentKey: string;
}

/** Link and key with which an agent, of whatever cluster, can read a VERIFIED snapshot. */
export async function snapshotSource(services: Reading & Pick<Step, 'clock'>, snapshot: Snapshot): Promise<SnapshotSource> {
  const { azure, secrets, clock } = services;
  const now = clock.now();
  const place = await blobOf(services, snapshot);
  const contentKey = await secrets.get(snapshotSecretsOwner(snapshot.clusterId), contentKeyPurpose(snapshot.id));
  const url = await azure.snapshotBlobs.readLink(place, { now, expiresAt: new Date(now.getTime() + SOURCE_LASTS) });
  return { url, contentKey: contentKey.reveal() };
}
