import { seconds } from '@managed-consul/config';
import type { Server } from '@managed-consul/database';
import { TerminalError, TransientError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { driveTask } from '../shared-steps/agent-task';
import { consulOn, consulOnLeader, findLeader, managementToken } from '../shared-steps/consul-access';
import { azureLook, SERVER_LOOK } from '../shared-steps/delays';
import { machinesOf, scaleSetOf } from '../shared-steps/machines';
import { forget, removeMachine } from '../shared-steps/remove-server.steps';
import { recoversFrom } from './recovery-source';

/** How long nobody may have led before a quorum counts as lost: an election takes seconds. */
const WITHOUT_LEADER = seconds(20);

/** How long a leader may be seen before the request counts as mistaken: followers name a dead one for a moment. */
const WITH_LEADER = seconds(30);

export async function beginWatching({ cluster, clock }: Step) {
  if (cluster.powerState === 'Suspended')
    throw new TerminalError('ClusterSuspended', 'The cluster is suspended. Resume it: its servers keep their data.');
  return done({ since: clock.now().toISOString() });
}

/** Whether a server names a leader. One that cannot be asked names none. */
async function namesLeader(step: Step, server: Server): Promise<boolean> {
  try {
    return (await (await consulOn(step, server)).leader()) !== undefined;
  } catch (error) {
    if (error instanceof TransientError) return false;
    throw error;
  }
}

/** Done when no server has named a leader for a while. A cluster that has one is left alone. */
export async function quorumIsLost(step: Step) {
  const watched = step.clock.now().getTime() - new Date(step.outputOf(beginWatching).since).getTime();
  const named = await Promise.all(step.cluster.serverRecords.map((server) => namesLeader(step, server)));
  if (!named.some(Boolean) && watched >= WITHOUT_LEADER) return done();
  if (named.some(Boolean) && watched >= WITH_LEADER)
    throw new TerminalError(
      'QuorumNotLost',
      'The servers have a leader, so nothing is to be recovered. Ask for a repair instead.',
    );
  return waitFor('The service is watching whether the servers elect a leader', seconds(1));
}

/** A server that can go on: its agent is there and its Consul answers. Gives what Raft knows it by. */
async function survivorOf(step: Step, server: Server) {
  const { vmId, address } = server;
  if (!(await step.agents.isConnected(step.cluster.id, vmId))) return [];
  try {
    const { nodeId } = await (await consulOn(step, server, await managementToken(step))).self();
    return [{ vmId, address, nodeId }];
  } catch (error) {
    if (error instanceof TransientError) return [];
    throw error;
  }
}

/** Decided once: from now on every other server is lost, even if it should come back. */
export async function chooseSurvivors(step: Step) {
  const { servers, serverRecords } = step.cluster;
  if (recoversFrom(step) === 'snapshot') return done({ servers, survivors: [] });
  const survivors = (await Promise.all(serverRecords.map((server) => survivorOf(step, server)))).flat();
  if (survivors.length === 0)
    throw new TerminalError('NoSurvivors', 'No server is left that could go on. Recover the cluster from a snapshot.');
  return done({ servers, survivors });
}

const isSurvivor = (step: Step, vmId: string): boolean =>
  step.outputOf(chooseSurvivors).survivors.some((survivor) => survivor.vmId === vmId);

/** A lost server that came back with its old list of peers would be a second cluster: its machine goes first. */
export async function startRemovingLostMachines(step: Step) {
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
