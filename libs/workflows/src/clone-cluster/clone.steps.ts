import { OPERATION_KINDS, recordClusterEvent } from '@managed-consul/clusters';
import { TerminalError, TransientError } from '@managed-consul/errors';
import { findRestoreProblem } from '@managed-consul/snapshots';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { findClusterRecord } from '../cluster-record';
import { restoredSnapshot, snapshotIsRehearsed } from '../restore-cluster/rehearsal.steps';
import { needsRepair } from '../restore-cluster/repair.steps';
import { earlierRestores, factsOf, ownAccessors, revokeAgain } from '../restore-cluster/tokens.steps';
import type { ClusterRecord, Step } from '../services';
import { consulOnEveryServer, consulOnLeader } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';
import { compareTokens } from '../shared-steps/token-comparison';
import { serviceTokensOfSource } from './source-tokens';

/** Looks again at what the request looked at, before anything is made in Azure. */
export async function confirmSnapshotCanBeCloned(step: Step) {
  const { cluster } = step;
  const snapshot = await restoredSnapshot(step);
  const problem = findRestoreProblem(snapshot.consulVersion, cluster.consulVersion);
  if (problem) throw new TerminalError(problem.code, problem.message);
  if (snapshot.installationId !== cluster.installationId)
    throw new TerminalError('SnapshotNotFound', 'The snapshot does not belong to the installation of the cluster.');
  return done({ snapshotName: snapshot.name, sourceId: snapshot.clusterId });
}

const findSource = (step: Step): Promise<ClusterRecord | undefined> =>
  findClusterRecord(step.database, step.outputOf(confirmSnapshotCanBeCloned).sourceId);

const canBeAsked = ({ deletedAt, provisioningState, powerState, serverRecords }: ClusterRecord): boolean =>
  deletedAt === null && provisioningState !== 'Deleting' && powerState === 'Running' && serverRecords.length > 0;

/** When the source began to go; its tokens ended with it, which is no revocation. */
async function beginOfDelete({ database }: Step, { id }: ClusterRecord): Promise<Date | undefined> {
  const where = { clusterId: id, kind: OPERATION_KINDS.deleteCluster };
  return (await database.prisma.operation.findFirst({ where, orderBy: { createdAt: 'asc' } }))?.createdAt;
}

/** Root tokens of the source that were replaced while it was there. */
export async function revokedRootTokens(step: Step, source: ClusterRecord): Promise<string[]> {
  const before = await beginOfDelete(step, source);
  const revokedAt = before ? { lt: before } : { not: null };
  const revoked = await step.database.prisma.rootToken.findMany({ where: { clusterId: source.id, revokedAt } });
  return revoked.map(({ accessorId }) => accessorId);
}

/** Tries to ask the source before it counts as lost; a clone is also what a broken cluster is saved with. */
const TRIES = 8;

/** Accessors that were revoked in the source since; undefined when the source cannot be asked. */
async function askSource(step: Step, source: ClusterRecord): Promise<string[] | undefined> {
  if (!canBeAsked(source)) return undefined;
  const there = { ...step, cluster: source };
  try {
    const { accessControl } = await consulOnLeader(there);
    const alive = (await accessControl.listTokens()).map(factsOf);
    const inSnapshot = step.outputOf(snapshotIsRehearsed).tokens;
    const changes = compareTokens({ alive, inSnapshot, own: [], earlier: await earlierRestores(there) });
    return changes.revokedSince.map(({ accessorId }) => accessorId);
  } catch (error) {
    if (error instanceof TransientError && step.attempt >= TRIES) return undefined;
    throw error;
  }
}

/** Which tokens of the snapshot were revoked since, as far as anybody can still say. */
export async function readRevokedTokens(step: Step) {
  const source = await findSource(step);
  const asked = source && (await askSource(step, source));
  const known = source ? await revokedRootTokens(step, source) : [];
  return done({ sourceWasAsked: asked !== undefined, accessors: [...new Set([...(asked ?? []), ...known])] });
}

/** Removes what was revoked and what the service itself had; gives the accessors. */
export async function removeTokensOfSource(step: Step, revoked: readonly string[]): Promise<string[]> {
  const consul = await consulOnLeader(step);
  const own = await ownAccessors(step, consul);
  const service = serviceTokensOfSource(await consul.accessControl.listTokens(), own);
  const accessors = [...revoked, ...service];
  await revokeAgain(step, accessors);
  return accessors;
}

/** The service's own tokens of the source, and what was revoked there, are worth nothing in the new cluster. */
export async function revokeTokensOfSource(step: Step) {
  return done({ accessors: await removeTokensOfSource(step, step.outputOf(readRevokedTokens).accessors) });
}

/** Done when every server says that it knows none of them. */
export async function tokensOfSourceAreGone(step: Step) {
  const servers = await consulOnEveryServer(step);
  for (const accessorId of step.outputOf(revokeTokensOfSource).accessors) {
    const found = await Promise.all(servers.map(({ consul }) => consul.accessControl.findToken(accessorId)));
    if (found.some(Boolean)) return waitFor('The servers are forgetting the tokens that were revoked', SERVER_LOOK);
  }
  return done();
}

/** A failure must not leave tokens valid that someone revoked, or that only the service had. */
export async function revokeTokensOfSourceAfterFailure(step: Step) {
  const revoked = step.findOutputOf(readRevokedTokens);
  if (needsRepair(step) && revoked) await removeTokensOfSource(step, revoked.accessors);
  return done();
}

const TOKENS_KNOWN = 'Tokens of the snapshot work here too, root tokens included, except those that were revoked since.';
const TOKENS_UNKNOWN =
  'Tokens of the snapshot work here too, root tokens included. The cluster that it was taken of could not be asked, so tokens ' +
  'that were revoked after the snapshot may be valid here: look through them.';

/** What the customer must know about the tokens of the new cluster. */
export async function recordClone(step: Step) {
  const { cluster, operation } = step;
  const { snapshotName } = step.outputOf(confirmSnapshotCanBeCloned);
  const tokens = step.outputOf(readRevokedTokens).sourceWasAsked ? TOKENS_KNOWN : TOKENS_UNKNOWN;
  const message = `The cluster holds what the snapshot '${snapshotName}' has. ${tokens}`;
  return done(undefined, async (tx) => {
    await recordClusterEvent(tx, { clusterId: cluster.id, operationId: operation.id, type: 'CloneTold', message });
  });
}
