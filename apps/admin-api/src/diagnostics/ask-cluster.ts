import { AgentRefusal, type Agent, type Diagnostic, type DiagnosticKind } from '@managed-consul/agent-protocol';
import { seconds } from '@managed-consul/config';
import type { Database, Server } from '@managed-consul/database';
import { AppError, TransientError } from '@managed-consul/errors';

/** Where agents are found, with a token that opens nothing but their diagnostics. */
export interface Diagnosticians {
  find(clusterId: string, vmId: string): Promise<Pick<Agent, 'diagnose'>>;
}

/** For all servers together. */
const PATIENCE = seconds(20);

/** The one that leads knows most; then those that vote. */
const RANK: Readonly<Record<string, number>> = { leader: 0, voter: 1 };
const rankOf = ({ raftRole }: Server): number => RANK[raftRole ?? ''] ?? 2;

async function serversOf({ prisma }: Database, clusterId: string): Promise<Server[]> {
  const cluster = await prisma.cluster.findUnique({
    where: { id: clusterId, deletedAt: null },
    include: { serverRecords: { orderBy: { name: 'asc' } } },
  });
  if (!cluster) throw new AppError('ResourceNotFound', `There is no cluster ${clusterId}.`);
  return cluster.serverRecords.sort((one, other) => rankOf(one) - rankOf(other));
}

/**
 * Asks the servers of a cluster one after the other until one answers, the leader first. Throws ResourceNotFound,
 * ConsulUnavailable when agents answer and their Consul does not, and AgentUnreachable when no agent does.
 */
export async function askCluster(
  database: Database,
  agents: Diagnosticians,
  clusterId: string,
  kind: DiagnosticKind,
): Promise<{ server: string; answer: Diagnostic }> {
  const servers = await serversOf(database, clusterId);
  const limit = AbortSignal.timeout(PATIENCE);
  let refused: AgentRefusal | undefined;
  for (const { name, vmId } of servers) {
    if (limit.aborted) break;
    try {
      const agent = await agents.find(clusterId, vmId);
      return { server: name, answer: await agent.diagnose(kind, limit) };
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      if (error instanceof AgentRefusal && error.code.startsWith('Consul')) refused = error;
    }
  }
  const again = { retryAfterSeconds: 10 };
  // What Consul said stays here: it may name anything.
  if (refused) throw new AppError('ConsulUnavailable', 'Consul does not answer on the servers that are reached.', again);
  throw new AppError('AgentUnreachable', 'No agent of the cluster’s servers can be reached.', again);
}
