import type { ReportedState } from '@managed-consul/agent-protocol';
import type { ClusterFacts, ServerFacts } from '@managed-consul/clusters';
import type { AutopilotHealth, RaftServer } from '@managed-consul/consul';
import type { Server } from '@managed-consul/database';
import { TerminalError, TransientError } from '@managed-consul/errors';
import type { Services } from '../services';
import { consulOn, managementToken } from '../shared-steps/consul-access';

/** What looking needs. */
export type Looking = Pick<Services, 'agents' | 'cluster' | 'secrets'> & { readonly signal: AbortSignal };

/** Undefined for whatever could not be asked; any other error is a mistake of the service and thrown. */
export async function unlessAway<Answer>(ask: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof TransientError || error instanceof TerminalError) return undefined;
    throw error;
  }
}

interface Reported {
  server: Server;
  agentConnected: boolean;
  state: ReportedState | undefined;
}

async function askAgent({ agents, cluster, signal }: Looking, server: Server): Promise<Reported> {
  const state = await unlessAway(async () => (await agents.find(cluster.id, server.vmId)).state(signal));
  return { server, agentConnected: state !== undefined, state };
}

/** What the leader says, through the first server that has one. */
interface LeadersWord {
  peers: readonly RaftServer[];
  health: AutopilotHealth;
}

async function askLeader(looking: Looking, reported: readonly Reported[]): Promise<LeadersWord | undefined> {
  const token = await managementToken(looking);
  for (const { server, state } of reported) {
    if (!state?.consul.running) continue;
    const word = await unlessAway(async () => {
      const { operator } = await consulOn(looking, server, token);
      const [peers, health] = await Promise.all([operator.raftServers(), operator.autopilotHealth()]);
      return { peers, health };
    });
    if (word) return word;
  }
  return undefined;
}

function roleOf(peer: RaftServer | undefined): ServerFacts['raftRole'] {
  if (!peer) return undefined;
  if (peer.Leader) return 'leader';
  return peer.Voter ? 'voter' : 'non-voter';
}

const hostOf = (address: string): string => address.replace(/:\d+$/, '');

function factsOf({ server, agentConnected, state }: Reported, word: LeadersWord | undefined): ServerFacts {
  const seen = word?.health.Servers.find(({ Address }) => hostOf(Address) === server.address);
  return {
    name: server.name,
    vmId: server.vmId,
    agentConnected,
    consulRunning: state?.consul.running,
    // What the others remember of a server that is away is no word of what it runs now.
    consulVersion: state?.consul.version ?? (seen?.Healthy ? seen.Version || undefined : undefined),
    raftRole: roleOf(word?.peers.find(({ Address }) => hostOf(Address) === server.address)),
    // A server that the leader does not even list is not healthy.
    healthy: word ? (seen?.Healthy ?? false) : undefined,
  };
}

/**
 * Looks at every server of a cluster through its agent, and at what the leader says of each. Never throws for what cannot be
 * reached: that is what it is there to see.
 */
export async function lookAtServers(looking: Looking): Promise<ClusterFacts> {
  const reported = await Promise.all(looking.cluster.serverRecords.map((server) => askAgent(looking, server)));
  const word = await askLeader(looking, reported);
  const hasLeader = word?.peers.some(({ Leader }) => Leader) ?? false;
  return { hasLeader, servers: reported.map((one) => factsOf(one, word)) };
}
