import {
  findCreateProblems,
  OPERATION_KINDS,
  requestCreateCluster,
  type ClusterDraft,
  type CreateClusterOutcome,
  type CreateClusterWish,
} from '@managed-consul/clusters';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Database, Snapshot } from '@managed-consul/database';
import type { ErrorDetail } from '@managed-consul/errors';
import { z } from 'zod';
import { findRestoreProblem } from './restore-version';
import { requireVerified } from './snapshot-change.request';
import { getSnapshot } from './snapshot-reads';

const factsSchema = z.object({
  datacenter: z.string().optional(),
  region: z.string().optional(),
  servers: z.number().optional(),
  vmSize: z.string().optional(),
});

/** What the wish leaves open is as in the cluster that the snapshot was taken of. */
function fillFromSnapshot(draft: ClusterDraft, snapshot: Snapshot): ClusterDraft {
  const facts = factsSchema.safeParse(snapshot.clusterFacts).data ?? {};
  return {
    ...draft,
    installationId: draft.installationId ?? snapshot.installationId,
    datacenter: draft.datacenter ?? facts.datacenter,
    region: draft.region ?? facts.region,
    servers: draft.servers ?? facts.servers,
    vmSize: draft.vmSize ?? facts.vmSize,
    consulVersion: draft.consulVersion ?? snapshot.consulVersion ?? undefined,
  };
}

function problemsOf(draft: ClusterDraft, snapshot: Snapshot): ErrorDetail[] {
  const problems: ErrorDetail[] = [];
  if (draft.installationId !== snapshot.installationId) {
    const message = `The snapshot belongs to installation ${snapshot.installationId}. Create the new cluster there.`;
    problems.push({ code: 'SnapshotElsewhere', target: 'installationId', message });
  }
  const problem = draft.consulVersion && findRestoreProblem(snapshot.consulVersion, draft.consulVersion);
  return problem ? [...problems, problem] : problems;
}

/** A wish for a new cluster that begins with what a snapshot holds. */
export interface CloneClusterWish extends CreateClusterWish {
  snapshotId: string;
}

function examine(wish: CreateClusterWish, snapshot: Snapshot): { draft: ClusterDraft; shapeProblems: ErrorDetail[] } {
  const draft = fillFromSnapshot(wish.draft, snapshot);
  return { draft, shapeProblems: [...(wish.shapeProblems ?? []), ...problemsOf(draft, snapshot)] };
}

/**
 * Every problem that such a request would meet, in one list; empty when it would be accepted. Stores nothing. Throws
 * ResourceNotFound and AuthorizationFailed as the request itself does.
 */
export async function findCloneProblems(database: Database, { snapshotId, ...wish }: CloneClusterWish): Promise<ErrorDetail[]> {
  const snapshot = await getSnapshot(database.prisma, wish.requester, snapshotId, { needed: 'Contributor' });
  const { draft, shapeProblems } = examine(wish, snapshot);
  const problems = await findCreateProblems(database, { ...wish, draft, shapeProblems });
  if (snapshot.state === 'VERIFIED') return problems;
  const message = `The snapshot is ${snapshot.state}; a cluster can begin only with one that is VERIFIED.`;
  return [{ code: 'SnapshotNotVerified', target: 'restoreFromSnapshotId', message }, ...problems];
}

/**
 * Records that a new cluster is wanted that begins with what a snapshot holds; the snapshot's own cluster may be gone. Whoever
 * asks needs the role Contributor, because the snapshot holds every secret of its cluster. Throws what `requestCreateCluster`
 * throws, ResourceNotFound for a snapshot of someone else, and Conflict for one that holds nothing.
 */
export async function requestCloneCluster(
  database: Database,
  { snapshotId, ...wish }: CloneClusterWish,
  clock: Clock = systemClock,
): Promise<CreateClusterOutcome> {
  const snapshot = await getSnapshot(database.prisma, wish.requester, snapshotId, { needed: 'Contributor' });
  requireVerified(snapshot);
  const { draft, shapeProblems } = examine(wish, snapshot);
  const work = { kind: OPERATION_KINDS.cloneCluster, input: { snapshotId } };
  return requestCreateCluster(database, { ...wish, draft, shapeProblems, work }, clock);
}
