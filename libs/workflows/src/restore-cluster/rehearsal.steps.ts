import { TerminalError } from '@managed-consul/errors';
import type { Server, Snapshot } from '@managed-consul/database';
import { findRestoreProblem } from '@managed-consul/snapshots';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Step } from '../services';
import { connectedServer, driveTask } from '../shared-steps/agent-task';
import { findLeader } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';
import { programHashes } from '../shared-steps/server-desired-state';
import { findSnapshot, snapshotSource } from '../shared-steps/snapshot-storage';

const inputSchema = z.object({ snapshotId: z.uuid() });

/** The snapshot that the operation restores. Throws TerminalError when it cannot be had any more. */
export async function restoredSnapshot(step: Pick<Step, 'operation' | 'database'>): Promise<Snapshot> {
  const snapshot = await findSnapshot(step, inputSchema.parse(step.operation.input).snapshotId);
  if (snapshot.state === 'VERIFIED') return snapshot;
  throw new TerminalError('SnapshotNotVerified', `The snapshot '${snapshot.name}' is ${snapshot.state}. Choose another one.`);
}

/** What an agent needs to read the snapshot. Contains secrets. */
export async function readableSnapshot(step: Step, snapshot: Snapshot) {
  const { url, contentKey } = await snapshotSource(step, snapshot);
  if (snapshot.sha256 === null) {
    const cause = new Error(`Snapshot ${snapshot.id} is VERIFIED without a hash.`);
    throw new TerminalError('InternalError', 'The operation cannot go on because of a mistake of the service.', cause);
  }
  return { source: { url }, contentKey, snapshotId: snapshot.id, expectedSha256: snapshot.sha256 };
}

/** Versions that the servers run, as far as they are known; what servers would run, where there are none. */
function versionsOf({ cluster }: Pick<Step, 'cluster'>): string[] {
  const usual = cluster.observedConsulVersion ?? cluster.consulVersion;
  const ofServers = cluster.serverRecords.map(({ consulVersion }) => consulVersion ?? usual);
  return ofServers.length > 0 ? [...new Set(ofServers)] : [usual];
}

/** Looks again at what the request looked at: time has passed since. */
export async function confirmRestoreIsAllowed(step: Step) {
  const { cluster } = step;
  const snapshot = await restoredSnapshot(step);
  if (cluster.provisioningState === 'Deleting' || cluster.provisioningState === 'Deleted')
    throw new TerminalError('ClusterNotReady', `The cluster is ${cluster.provisioningState}. Nothing can be restored into it.`);
  if (cluster.powerState === 'Suspended')
    throw new TerminalError('ClusterSuspended', 'The cluster is suspended. Resume it, then restore the snapshot.');
  for (const version of versionsOf(step)) {
    const problem = findRestoreProblem(snapshot.consulVersion, version);
    if (problem) throw new TerminalError(problem.code, problem.message);
  }
  return done({ snapshotId: snapshot.id, snapshotName: snapshot.name });
}

/** Any server but the leader, if there is one: a rehearsal costs its machine work. Remembered, so that later looks ask the same agent. */
export async function chooseRehearsalServer(step: Step) {
  const leader = await findLeader(step);
  const follower = step.cluster.serverRecords.find(({ id }) => id !== leader?.id);
  return done({ vmId: (await connectedServer(step, follower?.vmId)).vmId });
}

/** Restores the snapshot into a throw-away Consul beside `server` and reads it back; undefined while that is going on. */
export async function rehearseBeside(step: Step, server: Server, id: string) {
  const snapshot = await restoredSnapshot(step);
  const version = server.consulVersion ?? step.cluster.consulVersion;
  const progress = await driveTask(step, server, {
    kind: 'drill-snapshot',
    id,
    make: async () => ({
      kind: 'drill-snapshot',
      ...(await readableSnapshot(step, snapshot)),
      consul: { version, sha256: await programHashes(step, version) },
    }),
  });
  return progress.state === 'succeeded' ? progress.result : undefined;
}

/** What the customer reads meanwhile. */
export const REHEARSING = waitFor('The snapshot is being restored beside a server, to see that it is good', SERVER_LOOK);

/**
 * Done when the snapshot was restored into a throw-away Consul beside one of the servers and read back. A damaged snapshot, or
 * one that this version cannot restore, ends the operation here, before anything of the cluster is touched.
 */
export async function snapshotIsRehearsed(step: Step) {
  const server = await connectedServer(step, step.outputOf(chooseRehearsalServer).vmId);
  const found = await rehearseBeside(step, server, `rehearse-${step.operation.id}`);
  if (!found) return REHEARSING;
  const tokens = found.aclTokens.map(({ accessorId, description, policies }) => ({ accessorId, description, policies }));
  const { keys, services, intentions } = found;
  return done({ keys, services: services.length, intentions, tokens });
}
