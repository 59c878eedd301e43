import { seconds, type Milliseconds } from '@managed-consul/config';
import { isAtLeast } from '@managed-consul/consul';
import type { Server } from '@managed-consul/database';
import { TransientError } from '@managed-consul/errors';
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

/** One request to hand over in this time; the next one is another task. */
const HANDOVER_TIME: Milliseconds = seconds(3);

/**
 * Before 1.15 Consul has no call for it, but one server can make another stand for election: its agent does. The task's id is that
 * of the moment, so that looks in quick succession ask once, and a later one asks anew.
 */
async function handOverByAgent(step: Step, leader: Server, successors: readonly Server[]): Promise<void> {
  const { agents, cluster, clock, operation, signal } = step;
  const id = `lead-${operation.id}-${Math.floor(clock.now().getTime() / HANDOVER_TIME)}`;
  const agent = await agents.find(cluster.id, leader.vmId);
  try {
    await agent.startTask(id, { kind: 'move-leadership', to: successors.map(({ address }) => ({ address })) }, signal);
  } catch (error) {
    // It is still at the task before: who leads is looked at, not what became of a task.
    if (!(error instanceof TransientError)) throw error;
  }
}

async function handOver(step: Step, leader: Server): Promise<void> {
  const consul = await consulOn(step, leader, await managementToken(step));
  const [{ version }, peers, successors] = await Promise.all([
    consul.self(),
    consul.operator.raftServers(),
    successorsOf(step, leader),
  ]);
  if (!isAtLeast(version, 1, 15)) return handOverByAgent(step, leader, successors);
  const peer = peers.find(({ Address }) => Address.startsWith(`${successors[0]?.address}:`));
  if (peer) await consul.operator.transferLeadership(peer.ID);
}

/**
 * Looks who leads and, when it is `server`, has it hand over. Gives a sentence while another look is needed, undefined when
 * another server leads or there is none. Safe to repeat: each call starts from who leads now.
 */
export async function moveLeadershipOff(step: Step, server: Server): Promise<string | undefined> {
  if (step.cluster.serverRecords.every(({ id }) => id === server.id)) return undefined;
  const leader = await findLeader(step);
  if (!leader) return 'The servers are electing a leader';
  if (leader.id !== server.id) return undefined;
  await handOver(step, server);
  return `Another server is taking over the lead from ${server.name}`;
}
