import { ConsulClient } from '@managed-consul/consul';
import { isSecondary, SECRET_PURPOSES, secretOwnerOf } from '@managed-consul/clusters';
import type { SecretValue } from '@managed-consul/config';
import type { Server } from '@managed-consul/database';
import { TransientError } from '@managed-consul/errors';
import type { Step } from '../services';

type Access = Pick<Step, 'agents' | 'cluster' | 'secrets' | 'signal'>;

/**
 * Consul on one server, through its agent, asked with `token` or with none. What tokens the service makes in a secondary datacenter
 * are for it alone.
 */
export async function consulOn({ agents, cluster, signal }: Access, server: Server, token?: SecretValue): Promise<ConsulClient> {
  const agent = await agents.find(cluster.id, server.vmId);
  const tokensAreLocal = isSecondary(cluster.federation);
  return new ConsulClient({ fetch: (path, request) => agent.consulFetch(path, request), token, signal, tokensAreLocal });
}

/** The service's own token: allows everything and never leaves the service. */
export const managementToken = ({ secrets, cluster }: Pick<Step, 'secrets' | 'cluster'>): Promise<SecretValue> =>
  secrets.get(secretOwnerOf(cluster.id), SECRET_PURPOSES.managementToken);

/** Consul on every server, asked with the management token. */
export async function consulOnEveryServer(access: Access): Promise<{ server: Server; consul: ConsulClient }[]> {
  const token = await managementToken(access);
  return Promise.all(
    access.cluster.serverRecords.map(async (server) => ({ server, consul: await consulOn(access, server, token) })),
  );
}

/** Also one that is being added or taken out may lead. */
const candidates = ({ cluster }: Access): Server[] => [...cluster.serverRecords, ...cluster.unfinishedServers];

/** The server that another one names as leader; undefined when it names none, or cannot be asked. */
export async function leaderSeenFrom(access: Access, server: Server): Promise<Server | undefined> {
  try {
    const leader = await (await consulOn(access, server)).leader();
    return candidates(access).find(({ address }) => leader?.startsWith(`${address}:`));
  } catch (error) {
    // One server may be away while the others know the leader.
    if (error instanceof TransientError) return undefined;
    throw error;
  }
}

/**
 * The server that leads, in the eyes of most of the members, or of `serverRecords` where some members do not count any more;
 * undefined while nobody leads.
 */
export async function findLeader(access: Access, serverRecords = access.cluster.serverRecords): Promise<Server | undefined> {
  const seen = await Promise.all(serverRecords.map((server) => leaderSeenFrom(access, server)));
  const votesFor = (server: Server) => seen.filter((leader) => leader?.id === server.id).length;
  const [best] = candidates(access).sort((one, other) => votesFor(other) - votesFor(one));
  return best && votesFor(best) > serverRecords.length / 2 ? best : undefined;
}

/** Consul on the leader, with the management token: it alone knows new tokens at once. Throws `TransientError` while nobody leads. */
export async function consulOnLeader(access: Access, among = access.cluster.serverRecords): Promise<ConsulClient> {
  const leader = await findLeader(access, among);
  if (!leader) throw new TransientError('The cluster has no leader.');
  return consulOn(access, leader, await managementToken(access));
}
