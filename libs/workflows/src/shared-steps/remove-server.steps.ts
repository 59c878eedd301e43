import { minutes, seconds } from '@managed-consul/config';
import { secretOwnerOf } from '@managed-consul/clusters';
import type { ConsulClient } from '@managed-consul/consul';
import type { Server } from '@managed-consul/database';
import { TransientError } from '@managed-consul/errors';
import { action, condition, done, waitFor, type StepEntry } from '@managed-consul/workflow-engine';
import type { Services, Step } from '../services';
import { runningVersion } from './add-server.steps';
import { consulOn, consulOnEveryServer, findLeader, managementToken } from './consul-access';
import { azureLook, SERVER_LOOK, SERVER_RETRY } from './delays';
import { scaleSetOf } from './machines';
import { beginHandover, LEADERSHIP_PATIENCE, leadershipIsElsewhere, whatLeadLacks } from './rolling';
import { raftPeerAt, votesHealthily } from './server-health';
import type { ServerWish } from './server-desired-state';
import { askOf, isAsAsked } from './server-runs';
import { agentTokenPurpose, serverCertificatePurpose } from './server-secrets';

/** A server needs about ten seconds to leave; past this it is taken out by force. */
const LEAVE_LIMIT = seconds(40);

/** Consul answers a request to leave only when it has left: it is not waited for here. */
const ASK_LIMIT = seconds(2);

/** The server whose vmId is the present item, member or not; undefined once it is forgotten. */
export const leavingServerOf = ({ cluster, item }: Pick<Step, 'cluster' | 'item'>): Server | undefined =>
  [...cluster.serverRecords, ...cluster.unfinishedServers].find(({ vmId }) => vmId === item);

/** The members that stay. */
export const membersBut = ({ cluster }: Pick<Step, 'cluster'>, server: Server | undefined): Server[] =>
  cluster.serverRecords.filter(({ id }) => id !== server?.id);

/** Consul on the leader, found without the help of a server that goes. */
export async function consulOnLeaderWithout(step: Step, server: Server | undefined): Promise<ConsulClient> {
  const leader = await findLeader(step, membersBut(step, server));
  if (!leader) throw new TransientError('The cluster has no leader.');
  return consulOn(step, leader, await managementToken(step));
}

/**
 * Whether each of `servers` is a healthy voter with everything that was committed. The leader is looked up anew each time; while
 * nobody leads, nobody takes part.
 */
export async function allTakePart(step: Step, servers: readonly Server[]): Promise<boolean> {
  const leader = await findLeader(step);
  if (!leader || servers.length === 0) return false;
  const leading = await consulOn(step, leader, await managementToken(step));
  const [peers, health, { commitIndex, isLeader }] = await Promise.all([
    leading.operator.raftServers(),
    leading.operator.autopilotHealth(),
    leading.self(),
  ]);
  const votes = ({ address }: Server) => raftPeerAt(peers, address)?.Voter === true && votesHealthily(health, address);
  if (!isLeader || !servers.every(votes)) return false;
  const everywhere = await consulOnEveryServer({ ...step, cluster: { ...step.cluster, serverRecords: [...servers] } });
  const selves = await Promise.all(everywhere.map(({ consul }) => consul.self()));
  return selves.every(({ appliedIndex }) => appliedIndex >= commitIndex);
}

/** Done when every server that stays takes part: only then may one be taken away. */
export async function remainingServersAreHealthy(step: Step) {
  return (await allTakePart(step, membersBut(step, leavingServerOf(step))))
    ? done()
    : waitFor('The other servers are proving that they are healthy', SERVER_LOOK);
}

/** Whether a server's Consul runs, as far as its agent can be asked. */
async function isRunning(step: Step, { vmId }: Server): Promise<boolean> {
  if (!(await step.agents.isConnected(step.cluster.id, vmId))) return false;
  const agent = await step.agents.find(step.cluster.id, vmId);
  return (await agent.state(step.signal)).consul.running;
}

/** The agent must not start a Consul again that has left the cluster and ended. */
const leavingWish = (step: Step, server: Server): ServerWish => ({
  ...{ server, consulVersion: server.consulVersion ?? runningVersion(step), bootstrap: false },
  ...{ running: false, endsByItself: true },
});

/**
 * From here on the server is no member. Its agent is told that Consul will end by itself; one that does not run, or cannot be
 * asked, is taken out by force.
 */
export async function startLeaving(step: Step) {
  const server = leavingServerOf(step);
  const askedAt = step.clock.now().toISOString();
  if (!server) return done({ askedAt, hash: null });
  if (!(await allTakePart(step, membersBut(step, server))))
    throw new TransientError(`${server.name} cannot be taken away: another server is not healthy any more.`);
  const leading = await whatLeadLacks(step, server);
  if (leading !== undefined) throw new TransientError(`${server.name} cannot be taken away: ${leading}.`);
  const hash = (await isRunning(step, server)) ? await askOf(step, leavingWish(step, server)) : null;
  return done({ askedAt, hash }, async (tx) => {
    await tx.server.update({ where: { id: server.id }, data: { membership: 'Leaving' } });
    const servers = await tx.server.count({ where: { clusterId: step.cluster.id, membership: 'Member' } });
    await tx.cluster.update({ where: { id: step.cluster.id }, data: { servers, revision: { increment: 1 } } });
  });
}

/** Clients are told by gossip that the server goes, and it answers them until they have turned to the others. */
async function tellToLeave(step: Step, server: Server): Promise<void> {
  const limit = AbortSignal.timeout(ASK_LIMIT);
  const access = { ...step, signal: AbortSignal.any([step.signal, limit]) };
  try {
    await (await consulOn(access, server, await managementToken(step))).operator.leave();
  } catch (error) {
    // It answers when it has left. Whether it has heard shows in the members.
    step.signal.throwIfAborted();
    if (!(error instanceof TransientError)) throw error;
  }
}

/** Out of Raft, and out of gossip once it is silent. Gives whether it is out of both. */
export async function takeOutByForce(
  leading: ConsulClient,
  { address, name }: Pick<Server, 'address' | 'name'>,
): Promise<boolean> {
  const peer = raftPeerAt(await leading.operator.raftServers(), address);
  if (peer) await leading.operator.removeRaftPeer(peer.ID);
  const member = (await leading.members()).find((one) => one.name === name);
  if (member && member.state !== 'alive') await leading.operator.forceLeave(name);
  return member?.state !== 'alive';
}

/** Done when Raft has one peer fewer and the server's Consul has ended. */
export async function serverHasLeft(step: Step) {
  const server = leavingServerOf(step);
  if (!server) return done();
  const { hash, askedAt } = step.outputOf(startLeaving);
  const leading = await consulOnLeaderWithout(step, server);
  const passed = step.clock.now().getTime() - new Date(askedAt).getTime();
  if (hash === null || passed > LEAVE_LIMIT) {
    await takeOutByForce(leading, server);
    return done();
  }
  const waiting = waitFor(`${server.name} is leaving the cluster`, SERVER_LOOK);
  if (!(await isAsAsked(step, leavingWish(step, server), hash))) return waiting;
  const member = (await leading.members()).find(({ name }) => name === server.name);
  if (member?.state === 'alive' && (await isRunning(step, server))) {
    const leads = passed > LEADERSHIP_PATIENCE ? undefined : await whatLeadLacks(step, server);
    if (leads !== undefined) return waitFor(leads, SERVER_LOOK);
    await tellToLeave(step, server);
  }
  const peer = raftPeerAt(await leading.operator.raftServers(), server.address);
  return peer || (await isRunning(step, server)) ? waiting : done();
}

/** As `takeOutByForce`, for several: gives whether all are out. Gossip needs seconds to notice that a machine is gone. */
export async function areTakenOut(leading: ConsulClient, servers: readonly Server[]): Promise<boolean> {
  let areOut = true;
  for (const server of servers) areOut = (await takeOutByForce(leading, server)) && areOut;
  return areOut;
}

/** Its disk goes with the machine: nothing on it is worth keeping once the others have everything. */
export async function startRemovingMachine(step: Step) {
  const server = leavingServerOf(step);
  const askedAt = step.clock.now().toISOString();
  if (server) await removeMachine(step, server);
  return done({ askedAt });
}

/** Asks Azure for the removal of one server's machine. */
export async function removeMachine(step: Step, { instanceId }: Pick<Server, 'instanceId'>): Promise<void> {
  const { scaleSets, resourceGroup, scaleSet } = scaleSetOf(step);
  await scaleSets.startRemovingInstance(resourceGroup, scaleSet, instanceId, step.signal);
}

export async function machineIsGone(step: Step) {
  const server = leavingServerOf(step);
  const { askedAt } = step.outputOf(startRemovingMachine);
  const { scaleSets, resourceGroup, scaleSet } = scaleSetOf(step);
  const left = await scaleSets.listInstances(resourceGroup, scaleSet);
  return left.some(({ instanceId }) => instanceId === server?.instanceId)
    ? waitFor(`Azure is removing the machine of ${server?.name}`, azureLook(askedAt, step.clock.now()))
    : done();
}

/** What only that server had goes: its token in Consul, its secrets, its certificates, its right to dial in, its row. */
export async function forgetServer(step: Step) {
  const server = leavingServerOf(step);
  if (!server) return done();
  return forget(step, [server], await consulOnLeaderWithout(step, server));
}

/** Forgets servers whose machines are gone. */
export async function forget(step: Step, servers: readonly Server[], leading: ConsulClient) {
  const { cluster, secrets } = step;
  for (const server of servers) {
    if (!(await takeOutByForce(leading, server))) throw new TransientError(`${server.name} is still seen by the others.`);
    if (server.agentTokenAccessorId) await leading.accessControl.removeToken(server.agentTokenAccessorId);
  }
  const owner = secretOwnerOf(cluster.id);
  return done(undefined, async (tx) => {
    for (const { id, vmId } of servers) {
      await secrets.delete(owner, agentTokenPurpose(vmId), tx);
      await tx.certificate.deleteMany({ where: { owner, purpose: serverCertificatePurpose(vmId) } });
      await tx.agentEnrolment.deleteMany({ where: { clusterId: cluster.id, vmId } });
      await tx.server.deleteMany({ where: { id } });
    }
  });
}

/**
 * Takes out the server whose vmId is the item. From the moment at which it is told to leave it is no member any more, and other
 * workflows do not see it.
 */
export const REMOVE_SERVER: readonly StepEntry<Services>[] = [
  condition(remainingServersAreHealthy, {
    within: minutes(15),
    orFail: 'Another server is not healthy, so none was taken away. Try again when the cluster is healthy.',
  }),
  action(beginHandover),
  condition(leadershipIsElsewhere, { within: minutes(5), orFail: 'The servers did not agree on a leader.' }),
  action(startLeaving, { retry: SERVER_RETRY }),
  condition(serverHasLeft, { within: minutes(10), orFail: 'A server did not leave the cluster.' }),
  action(startRemovingMachine),
  condition(machineIsGone, { within: minutes(20), orFail: 'Azure did not remove a machine.' }),
  action(forgetServer, { retry: SERVER_RETRY }),
];
