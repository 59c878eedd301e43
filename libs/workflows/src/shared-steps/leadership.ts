import { isAtLeast } from '@managed-consul/consul';
import type { Server } from '@managed-consul/database';
import type { Step } from '../services';
import { consulOn, findLeader, managementToken } from './consul-access';

/** A server that could lead, with how far its log is. */
interface Successor {
  server: Server;
  version: string;
  lastLogIndex: number;
}

const byFitness = (one: Successor, other: Successor): number =>
  // One that is through with an upgrade need not hand over again; else the longest log wins an election at once.
  Number(isNewer(other, one)) - Number(isNewer(one, other)) || other.lastLogIndex - one.lastLogIndex;

const isNewer = (one: Successor, other: Successor): boolean =>
  one.version.localeCompare(other.version, 'en', { numeric: true }) > 0;

async function successorsOf(step: Step, leader: Server): Promise<Server[]> {
  const token = await managementToken(step);
  const others = step.cluster.serverRecords.filter(({ id }) => id !== leader.id);
  const successors = await Promise.all(
    others.map(async (server) => ({ server, ...(await (await consulOn(step, server, token)).self()) })),
  );
  return successors.sort(byFitness).map(({ server }) => server);
}

/** Asks the leader to hand over; false where its version cannot be asked. */
async function handOver(step: Step, leader: Server): Promise<boolean> {
  const consul = await consulOn(step, leader, await managementToken(step));
  const [{ version }, peers] = await Promise.all([consul.self(), consul.operator.raftServers()]);
  if (!isAtLeast(version, 1, 15)) return false;
  const [successor] = await successorsOf(step, leader);
  const peer = peers.find(({ Address }) => successor && Address.startsWith(`${successor.address}:`));
  if (peer) await consul.operator.transferLeadership(peer.ID);
  return true;
}

/**
 * Looks who leads and, when it is `server`, has it hand over. Gives a sentence while another look is needed, undefined when
 * another server leads or there is none. Safe to repeat: each call starts from who leads now.
 */
export async function moveLeadershipOff(step: Step, server: Server): Promise<string | undefined> {
  if (step.cluster.serverRecords.length === 1) return undefined;
  const leader = await findLeader(step);
  if (!leader) return 'The servers are electing a leader';
  if (leader.id !== server.id) return undefined;
  await handOver(step, server);
  return `Another server is taking over the lead from ${server.name}`;
}
