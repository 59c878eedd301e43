import { seconds } from '@managed-consul/config';
import type { Server } from '@managed-consul/database';
import { TerminalError, TransientError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { serversWanted } from '../observation/look-for-missing';
import type { Step } from '../services';
import { driveTask } from '../shared-steps/agent-task';
import { consulOn, consulOnLeader, findLeader, managementToken } from '../shared-steps/consul-access';
import { azureLook, SERVER_LOOK } from '../shared-steps/delays';
import { machinesOf, scaleSetOf } from '../shared-steps/machines';
import { forget, removeMachine } from '../shared-steps/remove-server.steps';
import { acceptsWrites } from '../shared-steps/server-health';
import { requireProof } from './proof.steps';
import { recoversFrom } from './recovery-source';
import { judgeQuorum, namesOfSilent, standingsOf, type StandingServer } from './server-standing';

/** How long nobody may have led before a quorum counts as lost: an election takes seconds. */
const WITHOUT_LEADER = seconds(20);

/** Followers name a dead leader for a moment; one that is named for longer can be asked to prove itself. */
const NAMES_THE_DEAD = seconds(3);

/** How long a leader may be named, proof or not, before the request counts as mistaken. */
const WITH_LEADER = seconds(30);

const WATCH = seconds(1);
/** Azure has been asked as well. */
const WATCH_IN_AZURE = seconds(2);

const NOT_LOST = 'The servers have a leader, so nothing is to be recovered. Ask for a repair instead.';

export async function beginWatching({ cluster, clock }: Step) {
  if (cluster.powerState === 'Suspended')
    throw new TerminalError('ClusterSuspended', 'The cluster is suspended. Resume it: its servers keep their data.');
  return done({ since: clock.now().toISOString() });
}

const watching = waitFor('The service is watching whether the servers elect a leader', WATCH);

const cannotSee = (step: Step, standings: readonly StandingServer[]) => {
  const since = step.outputOf(beginWatching).since;
  const sentence = `Azure says that the machine runs, but no word comes from ${namesOfSilent(standings)}`;
  return waitFor(sentence, Math.max(WATCH_IN_AZURE, azureLook(since, step.clock.now())));
};

const passedSince = ({ clock }: Step, { since }: { since: string }) => clock.now().getTime() - new Date(since).getTime();

/** Only a leader with a majority behind it takes a write. */
async function takesWrites(step: Step, standings: readonly StandingServer[]): Promise<boolean> {
  const witness = standings.find(({ standing }) => standing === 'follows');
  if (!witness) return false;
  return acceptsWrites(await consulOn(step, witness.server, await managementToken(step)), step.operation.id);
}

/** Done at the first moment at which surely nobody leads. A cluster that has a leader is left alone. */
export async function nobodyLeads(step: Step) {
  const standings = await standingsOf(step);
  switch (judgeQuorum(standings.map(({ standing }) => standing))) {
    case 'lost':
      return done({ since: step.clock.now().toISOString() });
    case 'unseen':
      return cannotSee(step, standings);
    case 'led': {
      const watched = passedSince(step, step.outputOf(beginWatching));
      if (watched >= WITH_LEADER || (watched >= NAMES_THE_DEAD && (await takesWrites(step, standings))))
        throw new TerminalError('QuorumNotLost', NOT_LOST);
      return watching;
    }
  }
}

/** How the members stand, if surely nobody leads them. Whoever is named as leader by now was elected meanwhile. */
async function standingsWithoutLeader(step: Step): Promise<{ verdict: 'lost' | 'unseen'; standings: StandingServer[] }> {
  const standings = await standingsOf(step);
  const verdict = judgeQuorum(standings.map(({ standing }) => standing));
  if (verdict === 'led') throw new TerminalError('QuorumNotLost', NOT_LOST);
  return { verdict, standings };
}

/** Done when surely nobody has led for a while. */
export async function quorumIsLost(step: Step) {
  const { verdict, standings } = await standingsWithoutLeader(step);
  if (verdict === 'unseen') return cannotSee(step, standings);
  return passedSince(step, step.outputOf(nobodyLeads)) >= WITHOUT_LEADER ? done() : watching;
}

/**
 * Asked again right before what cannot be taken back: a proof may have lasted an hour. Throws `TransientError` while a server
 * cannot be seen.
 */
async function requireQuorumLost(step: Step): Promise<StandingServer[]> {
  const { verdict, standings } = await standingsWithoutLeader(step);
  if (verdict === 'unseen') throw new TransientError(`No word comes from ${namesOfSilent(standings)}.`);
  return standings;
}

/** Decided once: from now on every other server is lost, even if it should come back. */
export async function chooseSurvivors(step: Step) {
  // A recovery that failed half-way has left fewer members than there shall be.
  const servers = Math.max(step.cluster.servers, await serversWanted(step));
  if (recoversFrom(step) === 'snapshot') return done({ servers, survivors: [] });
  const able = (await requireQuorumLost(step)).filter(({ standing }) => standing === 'leaderless');
  if (able.length === 0)
    throw new TerminalError('NoSurvivors', 'No server is left that could go on. Recover the cluster from a snapshot.');
  const survivors = await Promise.all(
    able.map(async ({ server }) => ({ vmId: server.vmId, address: server.address, nodeId: await nodeIdOf(step, server) })),
  );
  return done({ servers, survivors });
}

/**
 * What Raft knows a server by. Its agent says so: Consul itself would want a token, and after a restart it knows none until
 * somebody leads.
 */
async function nodeIdOf({ agents, cluster, signal }: Step, { vmId, name }: Server): Promise<string> {
  const { nodeId } = (await (await agents.find(cluster.id, vmId)).state(signal)).consul;
  if (nodeId === undefined) throw new TransientError(`The agent of ${name} knows no id of its server yet.`);
  return nodeId;
}

const isSurvivor = (step: Step, vmId: string): boolean =>
  step.outputOf(chooseSurvivors).survivors.some((survivor) => survivor.vmId === vmId);

/** A lost server that came back with its old list of peers would be a second cluster: its machine goes first. */
export async function startRemovingLostMachines(step: Step) {
  await requireQuorumLost(step);
  if (recoversFrom(step) === 'snapshot') await requireProof(step);
  const machines = await machinesOf(step);
  for (const machine of machines) if (!isSurvivor(step, machine.vmId)) await removeMachine(step, machine);
  return done({ askedAt: step.clock.now().toISOString() });
}

/** Done when only survivors have machines. From then on the others are no members. */
export async function lostMachinesAreGone(step: Step) {
  const { cluster, clock, outputOf } = step;
  const { scaleSets, resourceGroup, scaleSet } = scaleSetOf(step);
  const left = await scaleSets.listInstances(resourceGroup, scaleSet);
  if (left.some(({ vmId }) => !isSurvivor(step, vmId))) {
    const { askedAt } = outputOf(startRemovingLostMachines);
    return waitFor('Azure is removing the machines of the lost servers', azureLook(askedAt, clock.now()));
  }
  const survivors = outputOf(chooseSurvivors).survivors.map(({ vmId }) => vmId);
  return done(undefined, async (tx) => {
    const lost = { clusterId: cluster.id, vmId: { notIn: survivors } };
    await tx.server.updateMany({ where: lost, data: { membership: 'Leaving' } });
  });
}

/** Done when each survivor's Consul has started with the survivors as its peers. */
export async function peersAreRecovered(step: Step) {
  const { survivors } = step.outputOf(chooseSurvivors);
  const peers = survivors.map(({ nodeId, address }) => ({ id: nodeId, address }));
  const progress = await Promise.all(
    step.cluster.serverRecords.map((server) =>
      driveTask(step, server, {
        kind: 'recover-peers',
        id: `recover-${step.operation.id}`,
        make: async () => ({ kind: 'recover-peers', peers }),
      }),
    ),
  );
  return progress.every(({ state }) => state === 'succeeded')
    ? done()
    : waitFor('The servers that are left are starting as a cluster of their own', SERVER_LOOK);
}

/** Done when the survivors have a leader that knows the service. */
export async function survivorsHaveLeader(step: Step) {
  const leader = await findLeader(step);
  const consul = leader && (await consulOn(step, leader, await managementToken(step)));
  return consul && (await consul.accessControl.isAccepted()) ? done() : waitFor('The servers are electing a leader', SERVER_LOOK);
}

export async function forgetLostServers(step: Step) {
  return forget(step, step.cluster.unfinishedServers, await consulOnLeader(step));
}

/** One item for each server that is missing. */
export async function serversToReplace(step: Step): Promise<string[]> {
  if (recoversFrom(step) === 'snapshot') return [];
  const missing = step.outputOf(chooseSurvivors).servers - step.cluster.serverRecords.length;
  return Array.from({ length: Math.max(missing, 0) }, (_, place) => `replacement-${place + 1}`);
}

/** Autopilot never prunes below the number of servers that there shall be. */
export async function restoreServerMinimum(step: Step) {
  const { servers } = step.outputOf(chooseSurvivors);
  await (await consulOnLeader(step)).operator.changeAutopilot({ MinQuorum: servers });
  return done();
}
