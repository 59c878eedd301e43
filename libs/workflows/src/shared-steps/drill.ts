import type { DrillSnapshotResult } from '@managed-consul/agent-protocol';
import type { Server, Snapshot } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import type { Step } from '../services';
import { driveTask } from './agent-task';
import { programHashes } from './server-desired-state';
import { snapshotSource } from './snapshot-storage';

/**
 * Sees to it that a snapshot is restored into a throw-away server beside `server` and read there. Gives what was found, or
 * undefined while it goes on. `work` tells one drill of the snapshot from another. Throws TerminalError when the snapshot does
 * not stand the proof.
 */
export async function driveDrill(
  step: Step,
  server: Server,
  { snapshot, consulVersion, work }: { snapshot: Snapshot; consulVersion: string; work: string },
): Promise<DrillSnapshotResult | undefined> {
  const { sha256 } = snapshot;
  if (sha256 === null) throw new TerminalError('SnapshotNotVerified', `The snapshot '${snapshot.name}' is ${snapshot.state}.`);
  const program = { version: consulVersion, sha256: await programHashes(step, consulVersion) };
  const progress = await driveTask(step, server, {
    kind: 'drill-snapshot',
    id: `drill-${work}`,
    make: async () => {
      const { url, contentKey } = await snapshotSource(step, snapshot);
      return {
        ...{ kind: 'drill-snapshot', source: { url }, contentKey, snapshotId: snapshot.id },
        ...{ expectedSha256: sha256, consul: program },
      };
    },
  });
  return progress.state === 'succeeded' ? progress.result : undefined;
}
