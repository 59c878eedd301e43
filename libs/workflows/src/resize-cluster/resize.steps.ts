import { TerminalError } from '@managed-consul/errors';
import { done } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Step } from '../services';
import { setMinQuorum } from '../shared-steps/min-quorum';
import { inOrderFollowersFirst } from '../shared-steps/rolling';

const inputSchema = z.object({ vmSize: z.string() });
const wantedSize = ({ operation }: Pick<Step, 'operation'>): string => inputSchema.parse(operation.input).vmSize;

/** Time has passed since the request: a cluster that is suspended or goes away is left alone. */
export async function confirmClusterCanBeResized({ cluster }: Step) {
  if (cluster.powerState === 'Suspended')
    throw new TerminalError('ClusterSuspended', 'The cluster is suspended. Resume it, then ask again.');
  if (cluster.serverRecords.length === 0)
    throw new TerminalError('ClusterNotReady', `The cluster is ${cluster.provisioningState} and has no servers.`);
  return done({ from: cluster.vmSize });
}

/** From here on every new machine has the new size, whoever asks for it; those that exist are replaced one by one. */
export async function recordNewSize(step: Step) {
  const vmSize = wantedSize(step);
  return done(undefined, async (tx) => {
    await tx.cluster.update({ where: { id: step.cluster.id }, data: { vmSize, revision: { increment: 1 } } });
  });
}

/** The servers that have another size, the leader last. */
export async function serversOfAnotherSize(step: Step): Promise<string[]> {
  const servers = await inOrderFollowersFirst(step);
  return servers.filter(({ vmSize }) => vmSize !== wantedSize(step)).map(({ vmId }) => vmId);
}

/** A resize that failed may have left another minimum, where it followed a change of the number that failed as well. */
export async function restoreServerMinimum(step: Step) {
  await setMinQuorum(step, step.cluster.serverRecords.length);
  return done();
}
