import { z } from 'zod';
import type { SnapshotBody } from '@managed-consul/api-contract';
import type { Snapshot } from '@managed-consul/database';
import { creationPosition, type PagedList, writeCreation } from '@managed-consul/http-api';
import { showDrill } from './drill.view';

export const snapshotPages: PagedList<Snapshot, { createdAt: Date; id: string }> = {
  name: 'snapshots',
  write: writeCreation,
  schema: creationPosition,
};

const text = z.string().nullable().catch(null).default(null);
const count = z.number().nullable().catch(null).default(null);
const factsSchema = z.object({ name: text, datacenter: text, region: text, servers: count, vmSize: text });

/** Sizes and Raft indexes stay far below 2^53. */
const numberOf = (value: bigint | null): number | null => (value === null ? null : Number(value));

const locationOf = ({ storageAccountName, containerName, blobName }: Snapshot): SnapshotBody['location'] =>
  storageAccountName !== null && containerName !== null && blobName !== null
    ? { storageAccountName, containerName, blobName }
    : null;

/** A snapshot as customers see it. */
export const showSnapshot = (snapshot: Snapshot): SnapshotBody => ({
  id: snapshot.id,
  clusterId: snapshot.clusterId,
  installationId: snapshot.installationId,
  name: snapshot.name,
  kind: snapshot.kind,
  state: snapshot.state,
  requestedBy: snapshot.requestedBy,
  consulVersion: snapshot.consulVersion,
  cluster: factsSchema.parse(snapshot.clusterFacts),
  sizeBytes: numberOf(snapshot.sizeBytes),
  sha256: snapshot.sha256,
  storedBytes: numberOf(snapshot.storedBytes),
  storedSha256: snapshot.storedSha256,
  location: locationOf(snapshot),
  raftIndex: numberOf(snapshot.raftIndex),
  raftTerm: numberOf(snapshot.raftTerm),
  lastDrill: showDrill(snapshot.id, snapshot.lastDrill),
  error: snapshot.failureCode === null ? null : { code: snapshot.failureCode, message: snapshot.failureMessage ?? '' },
  createdAt: snapshot.createdAt.toISOString(),
  verifiedAt: snapshot.verifiedAt?.toISOString() ?? null,
  expiresAt: snapshot.expiresAt.toISOString(),
});
