import { hours, SecretValue } from '@managed-consul/config';
import { TerminalError } from '@managed-consul/errors';
import { contentKeyPurpose, snapshotLinkPurpose, snapshotSecretsOwner, type SnapshotLink } from '@managed-consul/snapshots';
import { done } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Step } from '../services';
import { blobOf, findSnapshot } from '../shared-steps/snapshot-storage';

/** How long a download may begin. */
const LINK_LASTS = hours(1);

const HOW_TO_DECRYPT =
  'Download the file, then: ./hcs decrypt-snapshot FILE --key CONTENT_KEY --snapshot SNAPSHOT_ID --out snapshot.tgz. ' +
  'Then `consul snapshot inspect snapshot.tgz` reads it.';

const inputSchema = z.object({ snapshotId: z.uuid() });
const snapshotIdOf = ({ operation }: Pick<Step, 'operation'>): string => inputSchema.parse(operation.input).snapshotId;

/** A link to nothing helps nobody: the bytes must be there, as long as they were when they were verified. */
export async function confirmSnapshotIsThere(step: Step) {
  const { azure, signal } = step;
  const snapshot = await findSnapshot(step, snapshotIdOf(step));
  if (snapshot.state !== 'VERIFIED')
    throw new TerminalError('SnapshotNotVerified', `The snapshot '${snapshot.name}' is ${snapshot.state}.`);
  const stored = await azure.snapshotBlobs.find(await blobOf(step, snapshot), signal);
  if (stored && BigInt(stored.sizeBytes) === snapshot.storedBytes) return done();
  throw new TerminalError(
    'SnapshotDamaged',
    `What is stored of the snapshot '${snapshot.name}' is not what was verified. Choose another snapshot.`,
  );
}

/** The link leaves the service once, through the API; until then it is sealed like every other secret. */
export async function sealSnapshotLink(step: Step) {
  const { azure, cluster, secrets, clock, operation } = step;
  const snapshot = await findSnapshot(step, snapshotIdOf(step));
  const owner = snapshotSecretsOwner(cluster.id);
  const now = clock.now();
  const expiresAt = new Date(now.getTime() + LINK_LASTS);
  const [url, contentKey] = await Promise.all([
    blobOf(step, snapshot).then((place) => azure.snapshotBlobs.readLink(place, { now, expiresAt })),
    secrets.get(owner, contentKeyPurpose(snapshot.id)),
  ]);
  const link: SnapshotLink = {
    snapshotId: snapshot.id,
    url,
    contentKey: contentKey.reveal(),
    expiresAt: expiresAt.toISOString(),
    storedSha256: snapshot.storedSha256 ?? '',
    sha256: snapshot.sha256 ?? '',
    howToDecrypt: HOW_TO_DECRYPT,
  };
  return done(undefined, (tx) =>
    secrets.put(owner, snapshotLinkPurpose(operation.id), new SecretValue(JSON.stringify(link)), tx),
  );
}
