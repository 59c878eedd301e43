import { TerminalError } from '@managed-consul/errors';
import { action, done, type StepEntry } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import { serversIntended } from '../observation/look-for-missing';
import type { Services, Step } from '../services';
import { ADD_SERVER } from '../shared-steps/add-server.steps';
import { setMinQuorum } from '../shared-steps/min-quorum';
import { unless } from '../shared-steps/passed-by';
import { REMOVE_SERVER } from '../shared-steps/remove-server.steps';
import { inOrderFollowersFirst } from '../shared-steps/rolling';

const inputSchema = z.object({ vmSize: z.string() });
const wantedSize = ({ operation }: Pick<Step, 'operation'>): string => inputSchema.parse(operation.input).vmSize;

/**
 * Time has passed since the request: a cluster that is suspended or goes away is left alone. Says as well how many servers there
 * shall be in the end; should this resize fail, the next one reads it.
 */
export async function confirmClusterCanBeResized(step: Step) {
  const { cluster } = step;
  if (cluster.powerState === 'Suspended')
    throw new TerminalError('ClusterSuspended', 'The cluster is suspended. Resume it, then ask again.');
  if (cluster.serverRecords.length === 0)
    throw new TerminalError('ClusterNotReady', `The cluster is ${cluster.provisioningState} and has no servers.`);
  return done({ from: cluster.vmSize, servers: await serversIntended(step) });
}

/** From here on every new machine has the new size, whoever asks for it; those that exist are replaced one by one. */
export async function recordNewSize(step: Step) {
  const vmSize = wantedSize(step);
  return done(undefined, async (tx) => {
    await tx.cluster.update({ where: { id: step.cluster.id }, data: { vmSize, revision: { increment: 1 } } });
  });
}

/** How many servers more there are than there shall be in the end. */
const surplusOf = (step: Step): number =>
  Math.max(0, step.cluster.serverRecords.length - step.outputOf(confirmClusterCanBeResized).servers);

/**
 * The servers that have another size, the leader last. An earlier resize that failed may have left more that are too many: then
 * others go as well.
 */
export async function serversOfAnotherSize(step: Step): Promise<string[]> {
  const servers = await inOrderFollowersFirst(step);
  const others = servers.filter(({ vmSize }) => vmSize !== wantedSize(step));
  const right = servers.filter(({ vmSize }) => vmSize === wantedSize(step));
  const tooMany = right.slice(0, Math.max(0, surplusOf(step) - others.length));
  return [...others, ...tooMany].map(({ vmId }) => vmId);
}

/** While there are too many, one goes and none comes in its place. Decided before the first machine is asked for. */
export async function lookForSurplus(step: Step) {
  return done({ isTooMany: surplusOf(step) > 0 });
}

const isTooMany = (step: Step): boolean => step.outputOf(lookForSurplus).isTooMany;

/** For one item of `serversOfAnotherSize`: a new server, then the old one goes. */
export const EXCHANGE_SERVER: readonly StepEntry<Services>[] = [
  action(lookForSurplus),
  ...unless(isTooMany, ADD_SERVER),
  ...REMOVE_SERVER,
];

/** A resize that failed may have left another minimum, where it followed a change of the number that failed as well. */
export async function restoreServerMinimum(step: Step) {
  await setMinQuorum(step, step.cluster.serverRecords.length);
  return done();
}
