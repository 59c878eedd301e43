import { clusterNames, RESOURCE_TYPES, resourceId, SNAPSHOTS_CONTAINER, SNAPSHOTS_TAG } from '@managed-consul/azure';
import { contentKeyPurpose, moveSnapshotState, snapshotSecretsOwner } from '@managed-consul/snapshots';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Step } from '../services';
import { azureLook } from '../shared-steps/delays';
import { placeOf } from '../shared-steps/place';
import { unlessVanished } from '../shared-steps/vanished-application';

const inputSchema = z.object({ snapshotId: z.uuid() });
const snapshotIdOf = ({ operation }: Pick<Step, 'operation'>): string => inputSchema.parse(operation.input).snapshotId;

/** The account of the cluster; undefined when it is gone, alone or with its managed application. */
const findAccount = (step: Step) => {
  const { subscription, resourceGroup } = placeOf(step);
  const name = clusterNames(step.cluster.id).storageAccount;
  return unlessVanished(step, () => subscription.storageAccounts.find(resourceGroup, name), undefined);
};

/** Every blob of the snapshot, also of tries that failed. What is gone already counts as removed. */
export async function removeStoredSnapshot(step: Step) {
  const account = await findAccount(step);
  const endpoint = account?.blobEndpoint;
  if (endpoint === undefined) return done({ removed: 0 });
  const blobs = { endpoint, container: SNAPSHOTS_CONTAINER, prefix: `${snapshotIdOf(step)}/` };
  return done({ removed: await step.azure.snapshotBlobs.removeAll(blobs, step.signal) });
}

/** With its key gone, no copy of the snapshot can be read any more, wherever one may be. */
export async function destroyContentKey(step: Step) {
  const { cluster, secrets } = step;
  const purpose = contentKeyPurpose(snapshotIdOf(step));
  return done(undefined, (tx) => secrets.delete(snapshotSecretsOwner(cluster.id), purpose, tx));
}

/**
 * Whether the cluster is gone and nothing is left that its storage was kept for. What is being deleted counts as gone: of two
 * deletes side by side each would else leave the storage to the other.
 */
async function storageIsEmpty({ cluster, database }: Step): Promise<boolean> {
  if (cluster.deletedAt === null) return false;
  const where = { clusterId: cluster.id, deletedAt: null, state: { not: 'DELETING' } } as const;
  return (await database.prisma.snapshot.count({ where })) === 0;
}

/** Only what delete-cluster marked as kept for snapshots: whatever else has that name is not ours. */
export async function startRemovingEmptyStorage(step: Step) {
  const { cluster, secrets } = step;
  const askedAt = step.clock.now().toISOString();
  if (!(await storageIsEmpty(step))) return done({ askedAt, removing: false });
  const account = await findAccount(step);
  if (account?.tags[SNAPSHOTS_TAG] === cluster.id) {
    const { subscription, subscriptionId, resourceGroup } = placeOf(step);
    const type = RESOURCE_TYPES.storageAccount;
    const id = resourceId({ subscriptionId, resourceGroup }, type, account.name);
    await unlessVanished(step, () => subscription.resources.startRemoval({ id, type }, step.signal), undefined);
  }
  return done({ askedAt, removing: true }, (tx) => secrets.destroyOwner(snapshotSecretsOwner(cluster.id), tx));
}

/** Only now the record is closed: whatever failed before, the delete can be asked for again and leaves no storage behind. */
export async function emptyStorageIsGone(step: Step) {
  const { askedAt, removing } = step.outputOf(startRemovingEmptyStorage);
  const { clock, cluster } = step;
  const account = removing ? await findAccount(step) : undefined;
  if (account?.tags[SNAPSHOTS_TAG] === cluster.id)
    return waitFor('Azure is removing the storage that held the snapshots', azureLook(askedAt, clock.now()));
  return done(undefined, async (tx) => {
    await moveSnapshotState(tx, snapshotIdOf(step), 'DELETING', { deletedAt: clock.now() });
  });
}
