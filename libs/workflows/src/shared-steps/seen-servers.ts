import type { Server } from '@managed-consul/database';
import { TransientError } from '@managed-consul/errors';
import type { Step } from '../services';
import { allTakePart } from './remove-server.steps';

/** Whether a server's agent answers now. */
export async function isSeen({ agents, cluster, signal }: Step, { vmId }: Server): Promise<boolean> {
  try {
    await (await agents.find(cluster.id, vmId)).state(signal);
    return true;
  } catch (error) {
    if (error instanceof TransientError) return false;
    throw error;
  }
}

/** Those of `servers` whose agents answer now. */
export async function seenOf(step: Step, servers: readonly Server[]): Promise<Server[]> {
  const seen = await Promise.all(servers.map(async (server) => ((await isSeen(step, server)) ? [server] : [])));
  return seen.flat();
}

/**
 * Whether `servers` can carry a cluster of just them: those whose agents answer are a majority and all take part. One that is
 * silent is not counted on, and does not keep a dead one from being taken out.
 */
export async function majorityTakesPart(step: Step, servers: readonly Server[]): Promise<boolean> {
  const seen = await seenOf(step, servers);
  return seen.length * 2 > servers.length && allTakePart(step, seen);
}
