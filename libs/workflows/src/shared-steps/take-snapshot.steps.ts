/**
 * Taking a snapshot, for every operation that takes one: of its own, before a change (safety) or before the cluster goes
 * (final). The id of the snapshot's row is in the operation's input; an operation whose input says that none is wanted passes
 * these steps by. Use them as
 *
 *     action(startSnapshot),
 *     condition(snapshotIsVerified, SNAPSHOT_PATIENCE),
 */
import { randomBytes } from 'node:crypto';
import { clusterNames, SNAPSHOTS_CONTAINER, type BlobPlace } from '@managed-consul/azure';
import { minutes, SecretValue } from '@managed-consul/config';
import type { Snapshot } from '@managed-consul/database';
import { TerminalError, TransientError } from '@managed-consul/errors';
import { CONTENT_KEY_BYTES, contentKeyPurpose, moveSnapshotState, snapshotSecretsOwner } from '@managed-consul/snapshots';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Step } from '../services';
import { connectedServer, driveTask, serverForTask } from './agent-task';
import { managementToken } from './consul-access';
import { SERVER_LOOK } from './delays';
import { placeOf } from './place';
import { findSnapshot } from './snapshot-storage';

/** What a customer is told when no snapshot comes about. */
export const SNAPSHOT_PATIENCE = { within: minutes(30), orFail: 'The snapshot could not be taken, verified and stored in time.' };

const inputSchema = z.object({
  snapshotId: z.uuid().optional(),
  safetySnapshotId: z.uuid().nullable().optional(),
  finalSnapshotId: z.uuid().nullable().optional(),
});

/** The snapshot that an operation takes itself; undefined when it takes none. */
function idOfTaken({ operation }: Pick<Step, 'operation'>): string | undefined {
  const { snapshotId, safetySnapshotId, finalSnapshotId } = inputSchema.parse(operation.input);
  if (safetySnapshotId !== undefined) return safetySnapshotId ?? undefined;
  if (finalSnapshotId !== undefined) return finalSnapshotId ?? undefined;
  return snapshotId;
}

function requireUnfinished(snapshot: Snapshot): void {
  if (snapshot.state === 'FAILED' || snapshot.state === 'DELETING')
    throw new TerminalError('SnapshotNotWanted', `The snapshot '${snapshot.name}' is ${snapshot.state}. Ask for a new one.`);
}

/**
 * The key is stored before anything is encrypted with it: no crash leaves a snapshot that nobody can read. The server that
 * leads is remembered, so that later looks ask the same one.
 */
export async function startSnapshot(step: Step) {
  const { cluster, secrets } = step;
  const snapshotId = idOfTaken(step);
  if (snapshotId === undefined) return done({ vmId: undefined });
  const snapshot = await findSnapshot(step, snapshotId);
  requireUnfinished(snapshot);
  const owner = snapshotSecretsOwner(cluster.id);
  await secrets.prepareOwner(owner);
  const fresh = new SecretValue(randomBytes(CONTENT_KEY_BYTES).toString('base64'));
  await secrets.putIfAbsent(owner, contentKeyPurpose(snapshotId), fresh);
  const { vmId } = await serverForTask(step);
  const storageAccountName = clusterNames(cluster.id).storageAccount;
  return done({ vmId }, async (tx) => {
    await moveSnapshotState(tx, snapshotId, 'CREATING', { storageAccountName, containerName: SNAPSHOTS_CONTAINER });
  });
}

/** Every try writes a blob of its own: two servers never write the same one, whatever became of the first. */
const blobName = (snapshotId: string, vmId: string, taskId: string): string => `${snapshotId}/${vmId}/${taskId}`;

async function endpointOf(step: Step): Promise<Omit<BlobPlace, 'name'>> {
  const { subscription, resourceGroup } = placeOf(step);
  const account = await subscription.storageAccounts.find(resourceGroup, clusterNames(step.cluster.id).storageAccount);
  if (account?.blobEndpoint) return { endpoint: account.blobEndpoint, container: SNAPSHOTS_CONTAINER };
  throw new TransientError('The storage account of the cluster is not there.');
}

/** What is stored must be as long as what was verified on its way. */
async function requireStoredWhole({ azure, signal }: Step, place: BlobPlace, storedBytes: number): Promise<void> {
  const stored = await azure.snapshotBlobs.find(place, signal);
  if (stored?.sizeBytes === storedBytes) return;
  throw new TransientError(`The stored snapshot has ${stored?.sizeBytes ?? 'no'} bytes instead of ${storedBytes}.`);
}

/**
 * Done when a server has taken the snapshot, read it back member by member on its way, and stored it encrypted. Goes on with
 * another server when the one that began is away.
 */
export async function snapshotIsVerified(step: Step) {
  const { azure, cluster, secrets, clock, outputOf } = step;
  const snapshotId = idOfTaken(step);
  if (snapshotId === undefined) return done();
  const snapshot = await findSnapshot(step, snapshotId);
  if (snapshot.state === 'VERIFIED') return done();
  requireUnfinished(snapshot);
  const server = await connectedServer(step, outputOf(startSnapshot).vmId);
  const storage = await endpointOf(step);
  const [consulToken, contentKey] = await Promise.all([
    managementToken(step),
    secrets.get(snapshotSecretsOwner(cluster.id), contentKeyPurpose(snapshotId)),
  ]);
  const progress = await driveTask(step, server, {
    kind: 'take-snapshot',
    id: `take-${snapshotId}`,
    make: async (taskId, { vmId }) => ({
      ...{ kind: 'take-snapshot', snapshotId, consulToken: consulToken.reveal(), contentKey: contentKey.reveal() },
      blobUrl: azure.snapshotBlobs.urlOf({ ...storage, name: blobName(snapshotId, vmId, taskId) }),
    }),
  });
  if (progress.state === 'running') return waitFor('A server is taking and storing the snapshot', SERVER_LOOK);
  const { taskId, vmId, result } = progress;
  const place = { ...storage, name: blobName(snapshotId, vmId, taskId) };
  await requireStoredWhole(step, place, result.storedBytes);
  return done(undefined, async (tx) => {
    await moveSnapshotState(tx, snapshotId, 'VERIFIED', {
      ...{ blobName: place.name, sha256: result.sha256, storedSha256: result.storedSha256 },
      ...{ sizeBytes: result.sizeBytes, storedBytes: result.storedBytes, raftIndex: result.raftIndex, raftTerm: result.raftTerm },
      consulVersion: cluster.observedConsulVersion,
      verifiedAt: clock.now(),
    });
  });
}
