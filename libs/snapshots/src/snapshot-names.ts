import type { SnapshotKind } from '@managed-consul/database';

/** Length of the key that a snapshot's content is encrypted with: AES-256. */
export const CONTENT_KEY_BYTES = 32;

/** Under whose name the secrets of a cluster's snapshots are kept. They outlive the secrets of the cluster itself. */
export const snapshotSecretsOwner = (clusterId: string): `snapshots/${string}` => `snapshots/${clusterId}`;

/** The key (base64) of one snapshot's content. Destroying it makes every copy of the snapshot worthless. */
export const contentKeyPurpose = (snapshotId: string): string => `content-key/${snapshotId}`;

/** A download link until the customer has seen it. */
export const snapshotLinkPurpose = (operationId: string): string => `link/${operationId}`;

const PREFIXES: Record<SnapshotKind, string> = { SCHEDULED: 'scheduled', MANUAL: 'manual', SAFETY: 'safety', FINAL: 'final' };

/** Name of a snapshot that nobody named, to the millisecond: `scheduled-20261122-030000-000`. */
export function defaultSnapshotName(kind: SnapshotKind, now: Date): string {
  const [day = '', time = ''] = now.toISOString().split('T');
  return `${PREFIXES[kind]}-${day.replaceAll('-', '')}-${time.replace('Z', '').replaceAll(':', '').replace('.', '-')}`;
}
