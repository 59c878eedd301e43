import type { AutopilotHealth, ConsulClient, RaftServer } from '@managed-consul/consul';
import { TransientError } from '@managed-consul/errors';

const hostOf = (address: string): string => address.replace(/:\d+$/, '');

/** Whether Raft has exactly these voters, one of them leading. Addresses are without port. */
export function everyServerVotes(peers: readonly RaftServer[], addresses: readonly string[]): boolean {
  const voters = peers.filter(({ Voter }) => Voter).map(({ Address }) => hostOf(Address));
  return (
    peers.length === addresses.length &&
    peers.some(({ Leader }) => Leader) &&
    addresses.every((address) => voters.includes(address))
  );
}

/** The peer at an address (without port); undefined when Raft has none there. */
export const raftPeerAt = (peers: readonly RaftServer[], address: string): RaftServer | undefined =>
  peers.find(({ Address }) => hostOf(Address) === address);

/** Whether autopilot finds the server at an address (without port) a healthy voter. */
export const votesHealthily = (health: AutopilotHealth, address: string): boolean =>
  health.Servers.some(({ Address, Healthy, Voter }) => hostOf(Address) === address && Healthy && Voter);

/** Whether autopilot finds every one of `servers` healthy. */
export const autopilotIsHealthy = (health: AutopilotHealth, servers: number): boolean =>
  health.Healthy && health.Servers.length === servers && health.Servers.every(({ Healthy, Voter }) => Healthy && Voter);

/** Key that proves that writes work; gone again right after. */
const PROOF_KEY = 'managed-consul/proof-of-writing';

/** Writes a key through one server and removes it; false while the server cannot, or does not know the token yet. */
export async function acceptsWrites(consul: ConsulClient, value: string): Promise<boolean> {
  try {
    await consul.writeKey(PROOF_KEY, value);
    await consul.removeKey(PROOF_KEY);
    return true;
  } catch (error) {
    if (error instanceof TransientError) return false;
    throw error;
  }
}
