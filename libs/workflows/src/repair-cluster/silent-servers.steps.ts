import { minutes } from '@managed-consul/config';
import { isAtLeast, type ConsulClient } from '@managed-consul/consul';
import type { Server } from '@managed-consul/database';
import { condition, done, waitFor, type StepEntry } from '@managed-consul/workflow-engine';
import type { Services, Step } from '../services';
import { ADD_SERVER } from '../shared-steps/add-server.steps';
import { consulOn, findLeader, managementToken } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';
import { machinesOf, scaleSetOf } from '../shared-steps/machines';
import { unless } from '../shared-steps/passed-by';
import { allTakePart, areTakenOut, forget, membersBut, removeMachine } from '../shared-steps/remove-server.steps';
import { isSeen, seenOf } from '../shared-steps/seen-servers';
import { raftPeerAt } from '../shared-steps/server-health';
import { confirmRepair } from './servers.steps';

/** Tries to hand over are this far apart. */
const HANDOVER_TIME = 5000;

/** Has one of `seen` take over the lead from a server whose agent is silent: that one cannot be asked to hand over. */
async function takeOverLead(step: Step, seen: readonly Server[]): Promise<void> {
  const [witness] = seen;
  if (!witness) return;
  const consul = await consulOn(step, witness, await managementToken(step));
  if (isAtLeast((await consul.self()).version, 1, 15)) {
    const peer = raftPeerAt(await consul.operator.raftServers(), witness.address);
    if (peer) await consul.operator.transferLeadership(peer.ID);
    return;
  }
  const agent = await step.agents.find(step.cluster.id, witness.vmId);
  const id = `lead-${step.operation.id}-${Math.floor(step.clock.now().getTime() / HANDOVER_TIME)}`;
  await agent.startTask(id, { kind: 'move-leadership', to: seen.map(({ address }) => ({ address })) }, step.signal);
}

/** Consul on the leader when the cluster can do without `server`, or what is waited for. */
async function leaderWithout(step: Step, server: Server): Promise<{ leading: ConsulClient } | { lack: string }> {
  const others = membersBut(step, server);
  const seen = await seenOf(step, others);
  const proving = { lack: 'The servers that are left are proving that they are healthy' };
  // Silent ones may be gone in the next moment: those that are seen have to be the majority by themselves.
  if (seen.length * 2 <= others.length) return proving;
  const leader = await findLeader(step);
  if (!leader) return { lack: 'The servers are electing a leader' };
  if (!seen.some(({ id }) => id === leader.id)) {
    await takeOverLead(step, seen);
    return { lack: `Another server is taking over the lead from ${leader.name}` };
  }
  if (!(await allTakePart(step, seen))) return proving;
  return { leading: await consulOn(step, leader, await managementToken(step)) };
}

/**
 * Plan: one item for each server that is wanted and not there, then the members that are silent although Consul counts on them,
 * each to be replaced before the next one is touched.
 */
export async function serversToAdd(step: Step): Promise<string[]> {
  const { servers, silent } = step.outputOf(confirmRepair);
  const { serverRecords } = step.cluster;
  const missing = Array.from({ length: Math.max(0, servers - serverRecords.length) }, (_none, index) => `new-${index + 1}`);
  return [...missing, ...serverRecords.map(({ vmId }) => vmId).filter((vmId) => silent.includes(vmId))];
}

/**
 * From here on the silent server of the item is no member. One that reports again stays, and no other comes in its place; an
 * item that is no server only asks for a new one.
 */
export async function dropSilentServer(step: Step) {
  const server = step.cluster.serverRecords.find(({ vmId }) => vmId === step.item);
  if (!server) return done({ isKept: false });
  if (await isSeen(step, server)) return done({ isKept: true });
  const found = await leaderWithout(step, server);
  if ('lack' in found) return waitFor(found.lack, SERVER_LOOK);
  return done({ isKept: false }, async (tx) => {
    await tx.server.update({ where: { id: server.id }, data: { membership: 'Leaving' } });
    const servers = await tx.server.count({ where: { clusterId: step.cluster.id, membership: 'Member' } });
    await tx.cluster.update({ where: { id: step.cluster.id }, data: { servers, revision: { increment: 1 } } });
  });
}

/** Done when its vote, its machine, and what only it had are gone, in this order. */
export async function silentServerIsOut(step: Step) {
  const server = step.cluster.unfinishedServers.find(({ vmId }) => vmId === step.item);
  if (!server) return done();
  const found = await leaderWithout(step, server);
  if ('lack' in found) return waitFor(found.lack, SERVER_LOOK);
  const { leading } = found;
  const peer = raftPeerAt(await leading.operator.raftServers(), server.address);
  if (peer) await leading.operator.removeRaftPeer(peer.ID);
  if ((await machinesOf(step)).some(({ vmId }) => vmId === server.vmId)) await removeMachine(step, server);
  const { scaleSets, resourceGroup, scaleSet } = scaleSetOf(step);
  const left = await scaleSets.listInstances(resourceGroup, scaleSet);
  if (left.some(({ vmId }) => vmId === server.vmId))
    return waitFor(`Azure is removing the machine of ${server.name}`, SERVER_LOOK);
  if (!(await areTakenOut(leading, [server])))
    return waitFor(`The servers are noticing that ${server.name} is gone`, SERVER_LOOK);
  return forget(step, [server], leading);
}

/** Whether the silent server of the item reports again. */
const isKept = (step: Step): boolean => step.outputOf(dropSilentServer).isKept;

/** For one item of `serversToAdd`: a new server, after a silent one has gone if the item is one. */
export const ADD_OR_EXCHANGE_SERVER: readonly StepEntry<Services>[] = [
  condition(dropSilentServer, {
    within: minutes(10),
    orFail: 'A server is silent, and too few others are healthy to replace it. Nothing was taken away.',
  }),
  condition(silentServerIsOut, { within: minutes(20), orFail: 'A server that is silent could not be taken out of the cluster.' }),
  ...unless(isKept, ADD_SERVER),
];
