import type { AutopilotHealth, ConsulClient, RaftServer } from '@managed-consul/consul';
import type { Server } from '@managed-consul/database';
import { TransientError } from '@managed-consul/errors';
import type { Step } from '../services';
import { consulOn, leaderSeenFrom, managementToken } from './consul-access';
import { acceptsWrites } from './server-health';

/** Raft and autopilot as the leader sees them at one moment. */
interface LeadersView {
  peers: readonly RaftServer[];
  health: AutopilotHealth;
  /** What was committed when the view was taken: a server that has it has everything that was acknowledged before. */
  commitIndex: number;
}

const ELECTING = 'The servers are electing a leader';

const isAt =
  ({ address }: Pick<Server, 'address'>) =>
  ({ Address }: { Address: string }): boolean =>
    Address.replace(/:\d+$/, '') === address;

const votes = (view: LeadersView, server: Server): boolean => view.peers.find(isAt(server))?.Voter === true;
const isHealthy = ({ health }: LeadersView, server: Server): boolean => health.Servers.find(isAt(server))?.Healthy === true;

/** The one that all of `servers` name as leader; undefined while they do not agree. */
async function leaderOfAll(step: Step, servers: readonly Server[]): Promise<Server | undefined> {
  const [first, ...more] = await Promise.all(servers.map((server) => leaderSeenFrom(step, server)));
  return first && more.every((leader) => leader?.id === first.id) ? first : undefined;
}

/** Undefined while nobody leads. A follower names a dead leader until its timeout, so the leader itself has to say that it is one. */
async function leadersView(step: Step, witnesses: readonly Server[]): Promise<LeadersView | undefined> {
  const leader = await leaderOfAll(step, witnesses);
  if (!leader) return undefined;
  const consul = await consulOn(step, leader, await managementToken(step));
  const { isLeader, commitIndex } = await consul.self();
  if (!isLeader) return undefined;
  const [peers, health] = await Promise.all([consul.operator.raftServers(), consul.operator.autopilotHealth()]);
  return { peers, health, commitIndex };
}

/** A server that is away is no error here: it is what is waited for. */
async function orNotAnswering(look: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof TransientError) return 'A server does not answer';
    throw error;
  }
}

async function whatOtherLacks(step: Step, view: LeadersView, other: Server): Promise<string | undefined> {
  if (!votes(view, other)) return `${other.name} has no vote yet`;
  if (!isHealthy(view, other)) return `${other.name} is proving that it is stable`;
  const { lastLogIndex } = await (await consulOn(step, other, await managementToken(step))).self();
  return lastLogIndex < view.commitIndex ? `${other.name} is catching up with the leader` : undefined;
}

/** Whether the cluster keeps its quorum without `server`. A cluster of one has nothing to keep. */
const keepsQuorumWithout = ({ peers }: LeadersView, server: Server): boolean => {
  const voters = peers.filter(({ Voter }) => Voter);
  const left = voters.filter((peer) => !isAt(server)(peer));
  return left.length >= Math.floor(voters.length / 2) + 1;
};

/**
 * What keeps `server` from being taken down, in a sentence; undefined when all others agree on a leader, vote, are healthy, hold
 * everything that was committed, and are a quorum without it. True only for the moment: ask again right before taking it down.
 */
export async function whatOthersLack(step: Step, server: Server): Promise<string | undefined> {
  const others = step.cluster.serverRecords.filter(({ id }) => id !== server.id);
  if (others.length === 0) return undefined;
  return orNotAnswering(async () => {
    const view = await leadersView(step, others);
    if (!view) return ELECTING;
    if (!keepsQuorumWithout(view, server)) return 'Too few servers have a vote';
    const lacks = await Promise.all(others.map((other) => whatOtherLacks(step, view, other)));
    return lacks.find((lack) => lack !== undefined);
  });
}

async function takesWrites(consul: ConsulClient, server: Server, now: Date): Promise<boolean> {
  return acceptsWrites(consul, `${server.name} ${now.toISOString()}`);
}

/**
 * What `server` lacks before the next may be touched, in a sentence; undefined when it follows the same leader as all others,
 * votes, has applied what was committed, takes writes, and autopilot finds it healthy. In this order: autopilot's view is up
 * to 2 s old and misses a short absence.
 */
export async function whatServerLacks(step: Step, server: Server): Promise<string | undefined> {
  return orNotAnswering(async () => {
    const view = await leadersView(step, step.cluster.serverRecords);
    if (!view) return ELECTING;
    if (!votes(view, server)) return `${server.name} has no vote yet`;
    const consul = await consulOn(step, server, await managementToken(step));
    if ((await consul.self()).appliedIndex < view.commitIndex) return `${server.name} is catching up with the leader`;
    if (!(await takesWrites(consul, server, step.clock.now()))) return `${server.name} does not take writes yet`;
    return isHealthy(view, server) ? undefined : `${server.name} is proving that it is stable`;
  });
}
