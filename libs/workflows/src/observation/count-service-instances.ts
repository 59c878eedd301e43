import type { ClusterFacts } from '@managed-consul/clusters';
import { consulOn, managementToken } from '../shared-steps/consul-access';
import { unlessAway, type Looking } from './look-at-servers';

/**
 * How many service instances a cluster has now; undefined where nobody can say. Asks a server that was seen to run: it has the
 * leader's word, so without a leader there is no answer, and a number that is out of date is none.
 */
export async function countServiceInstances(looking: Looking, seen: ClusterFacts): Promise<number | undefined> {
  if (!seen.hasLeader) return undefined;
  const running = new Set(seen.servers.filter(({ consulRunning }) => consulRunning).map(({ vmId }) => vmId));
  const token = await managementToken(looking);
  for (const server of looking.cluster.serverRecords) {
    if (!running.has(server.vmId)) continue;
    const counted = await unlessAway(async () => (await consulOn(looking, server, token)).catalog.countServiceInstances());
    if (counted !== undefined) return counted;
  }
  return undefined;
}
