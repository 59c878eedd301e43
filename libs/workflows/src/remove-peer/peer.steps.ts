import type { AutopilotHealth, ConsulMember, RaftServer } from '@managed-consul/consul';
import { TerminalError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Step } from '../services';
import { consulOnLeader } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';
import { takeOutByForce } from '../shared-steps/remove-server.steps';
import { raftPeerAt, votesHealthily } from '../shared-steps/server-health';

const inputSchema = z.object({ address: z.string() });
const addressOf = ({ operation }: Pick<Step, 'operation'>): string => inputSchema.parse(operation.input).address;

/** What stands in the way of taking a peer out, as code and sentence. */
export interface PeerRefusal {
  code: string;
  message: string;
}

/**
 * Whether a peer may be taken out of Raft: it is a failed one and no server of the cluster, it does not lead, and the voters that
 * are left have a healthy majority among them. `address` is without a port.
 */
export function refuseRemoval(
  peer: RaftServer,
  {
    address,
    peers,
    members,
    health,
    servers,
  }: {
    address: string;
    peers: readonly RaftServer[];
    members: readonly ConsulMember[];
    health: AutopilotHealth;
    /** Addresses of the cluster's servers. */
    servers: readonly string[];
  },
): PeerRefusal | undefined {
  if (servers.includes(address))
    return {
      code: 'PeerIsServer',
      message: `${peer.Node} is a server of the cluster. Have it replaced, or the cluster repaired.`,
    };
  if (peer.Leader) return { code: 'PeerLeads', message: `${peer.Node} leads. Have the leadership transferred first.` };
  if (members.some((member) => member.address === address && member.state === 'alive'))
    return { code: 'PeerAlive', message: `${peer.Node} is alive. Only a peer that has failed is taken out.` };
  const left = peers.filter(({ Voter, ID }) => Voter && ID !== peer.ID).map(({ Address }) => Address.replace(/:\d+$/, ''));
  const healthy = left.filter((one) => votesHealthily(health, one));
  if (healthy.length * 2 > left.length) return undefined;
  const message = `Of the ${left.length} voters that would be left ${healthy.length} are healthy, which is no majority. Recover the quorum.`;
  return { code: 'QuorumAtRisk', message };
}

/** Takes the peer out once nothing stands in the way. One that is not there any more is as good. */
export async function takePeerOut(step: Step) {
  const address = addressOf(step);
  const leading = await consulOnLeader(step);
  const [peers, members, health] = await Promise.all([
    leading.operator.raftServers(),
    leading.members(),
    leading.operator.autopilotHealth(),
  ]);
  const peer = raftPeerAt(peers, address);
  // Out of Raft already, it may still be waited for in gossip.
  if (!peer) return done({ name: members.find((one) => one.address === address && one.state !== 'alive')?.name ?? null });
  const servers = step.cluster.serverRecords.map((server) => server.address);
  const refusal = refuseRemoval(peer, { address, peers, members, health, servers });
  if (refusal) throw new TerminalError(refusal.code, refusal.message);
  await leading.operator.removeRaftPeer(peer.ID);
  return done({ name: peer.Node });
}

/** Done when neither Raft nor gossip knows it any more. */
export async function peerIsForgotten(step: Step) {
  const { name } = step.outputOf(takePeerOut);
  if (name === null) return done();
  return (await takeOutByForce(await consulOnLeader(step), { address: addressOf(step), name }))
    ? done()
    : waitFor(`The servers are forgetting ${name}`, SERVER_LOOK);
}
