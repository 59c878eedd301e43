import { TerminalError } from '@managed-consul/errors';
import { done } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Step } from '../services';
import { findSnapshot } from '../shared-steps/snapshot-storage';

const inputSchema = z.object({ snapshotId: z.uuid() });

/** Time has passed since the request: the cluster must still be there and run, and the snapshot still be wanted. */
export async function confirmSnapshotCanBeTaken(step: Step) {
  const { cluster, operation } = step;
  await findSnapshot(step, inputSchema.parse(operation.input).snapshotId);
  if (cluster.provisioningState === 'Deleting' || cluster.provisioningState === 'Deleted' || cluster.serverRecords.length === 0) {
    throw new TerminalError(
      'ClusterNotReady',
      `The cluster is ${cluster.provisioningState}, and no snapshot of it can be taken.`,
    );
  }
  if (cluster.powerState === 'Suspended')
    throw new TerminalError('ClusterSuspended', 'The cluster is suspended. Resume it first.');
  return done();
}
