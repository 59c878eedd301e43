import type { z } from 'zod';
import type { hcsSnapshotAnswerSchema } from '@managed-consul/api-contract';
import type { Snapshot, SnapshotKind, SnapshotState } from '@managed-consul/database';

type HcsSnapshot = NonNullable<z.infer<typeof hcsSnapshotAnswerSchema>['snapshot']>;

const STATES: Record<SnapshotState, string> = {
  QUEUED: 'QUEUED',
  CREATING: 'CREATING',
  VERIFIED: 'READY',
  FAILED: 'CREATING_FAILED',
  DELETING: 'DELETING',
};

const TYPES: Record<SnapshotKind, string> = {
  MANUAL: 'MANUAL',
  SCHEDULED: 'SCHEDULED',
  SAFETY: 'AUTOMATIC',
  FINAL: 'AUTOMATIC',
};

/** A snapshot in the shape of the HCS API. */
export const showHcsSnapshot = (snapshot: Snapshot, restoredAt: Date | undefined): HcsSnapshot => ({
  id: snapshot.id,
  name: snapshot.name,
  type: TYPES[snapshot.kind],
  state: STATES[snapshot.state],
  ...(snapshot.sizeBytes === null ? {} : { size: snapshot.sizeBytes.toString() }),
  ...(snapshot.consulVersion === null ? {} : { productVersion: snapshot.consulVersion }),
  ...(restoredAt ? { restoredAt: restoredAt.toISOString() } : {}),
  requestedAt: snapshot.createdAt.toISOString(),
  ...(snapshot.verifiedAt === null ? {} : { finishedAt: snapshot.verifiedAt.toISOString() }),
});
