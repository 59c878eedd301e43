import type { Cluster, Transaction } from '@managed-consul/database';
import type { ServerFacts } from './facts';

/** Stores what was seen of each server. What was not seen stays as it was. */
export async function recordServers(
  tx: Transaction,
  { id: clusterId, observedConsulVersion }: Pick<Cluster, 'id' | 'observedConsulVersion'>,
  servers: readonly ServerFacts[],
  now: Date,
): Promise<void> {
  for (const { vmId, agentConnected, consulVersion, raftRole, healthy } of servers) {
    const data = {
      ...(agentConnected ? { agentSeenAt: now } : {}),
      ...(consulVersion === undefined ? {} : { consulVersion }),
      ...(raftRole === undefined ? {} : { raftRole }),
      ...(healthy === undefined ? {} : { healthy }),
    };
    if (Object.keys(data).length > 0) await tx.server.updateMany({ where: { clusterId, vmId }, data });
  }
  const [first, ...others] = servers.map(({ consulVersion }) => consulVersion);
  if (first !== undefined && first !== observedConsulVersion && others.every((version) => version === first))
    await tx.cluster.update({ where: { id: clusterId }, data: { observedConsulVersion: first } });
}
