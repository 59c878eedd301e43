import { TerminalError } from '@managed-consul/errors';
import { done } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Step } from '../services';
import { lowerMinQuorum, setMinQuorum } from '../shared-steps/min-quorum';
import { inOrderFollowersFirst } from '../shared-steps/rolling';

const inputSchema = z.object({ servers: z.union([z.literal(1), z.literal(3), z.literal(5)]) });
const wantedServers = ({ operation }: Pick<Step, 'operation'>): number => inputSchema.parse(operation.input).servers;

/** Time has passed since the request: a cluster that is suspended or goes away is left alone. */
export async function confirmClusterCanBeScaled({ cluster }: Step) {
  if (cluster.powerState === 'Suspended')
    throw new TerminalError('ClusterSuspended', 'The cluster is suspended. Resume it, then ask again.');
  if (cluster.serverRecords.length === 0)
    throw new TerminalError('ClusterNotReady', `The cluster is ${cluster.provisioningState} and has no servers.`);
  return done({ from: cluster.serverRecords.length });
}

/** Before the first server goes: else autopilot would keep the place of one that has gone. */
export async function lowerServerMinimum(step: Step) {
  await lowerMinQuorum(step, wantedServers(step));
  return done();
}

/** One item for each server that is missing, named by the count that it makes. */
export async function serversToAdd(step: Step): Promise<string[]> {
  const present = step.cluster.serverRecords.length;
  const missing = Math.max(wantedServers(step) - present, 0);
  return Array.from({ length: missing }, (_, index) => `server-number-${present + index + 1}`);
}

/** The newest followers that are too many, one after the other; the leader stays as long as another can go. */
export async function serversToRemove(step: Step): Promise<string[]> {
  const surplus = Math.max(step.cluster.serverRecords.length - wantedServers(step), 0);
  if (surplus === 0) return [];
  const followersFirst = await inOrderFollowersFirst(step);
  const leader = followersFirst.at(-1);
  const followers = step.cluster.serverRecords.filter(({ id }) => id !== leader?.id);
  return followers
    .reverse()
    .slice(0, surplus)
    .map(({ vmId }) => vmId);
}

/** Only once all are there: as long as servers are missing it would keep dead ones in Raft. */
export async function raiseServerMinimum(step: Step) {
  await setMinQuorum(step, wantedServers(step));
  return done();
}
