import type { Server } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { consulOnLeader, findLeader } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';
import { groupIsManagedBy, notOurs, placeOf } from '../shared-steps/place';
import { allTakePart } from '../shared-steps/remove-server.steps';
import { majorityTakesPart } from '../shared-steps/seen-servers';
import { presentWish } from '../shared-steps/server-desired-state';
import { votesHealthily } from '../shared-steps/server-health';
import { serverOfItem } from '../shared-steps/server-of-item';
import { askOf, isAsAsked } from '../shared-steps/server-runs';
import { planRepair, type RepairPlan } from './repair-plan';

/** Looks again at everything and says what is to be done. Nothing left to repair is a success as well. */
export async function confirmRepair(step: Step) {
  const { subscription, resourceGroup } = placeOf(step);
  const group = await subscription.resourceGroups.find(resourceGroup);
  if (!group) throw new TerminalError('ResourceGroupNotFound', `The resource group ${resourceGroup} does not exist any more.`);
  if (!groupIsManagedBy(step.cluster.installation, group)) throw notOurs(step.cluster.installation);
  const plan: RepairPlan = await planRepair(step, confirmRepair.name);
  return done(plan);
}

/** Done when somebody leads, if a server is to be replaced: without a majority of the old, no new one can join. */
export async function leaderAnswers(step: Step) {
  if (step.outputOf(confirmRepair).replace.length === 0 || (await findLeader(step))) return done();
  return waitFor('The servers are electing a leader', SERVER_LOOK);
}

/** Plan: servers whose Consul has ended and that their agents could not bring back. */
export async function serversToStart(step: Step): Promise<string[]> {
  return step.outputOf(confirmRepair).start;
}

/** The agent is told again what the server is to be. A server that runs already is not touched. */
export async function startServerAgain(step: Step) {
  return done({ hash: await askOf(step, presentWish(step, serverOfItem(step))) });
}

export async function serverRunsAgain(step: Step) {
  const server = serverOfItem(step);
  const { hash } = step.outputOf(startServerAgain);
  if (!(await isAsAsked(step, presentWish(step, server), hash)))
    return waitFor(`Consul is starting on ${server.name}`, SERVER_LOOK);
  return done(undefined, async (tx) => {
    await tx.server.update({ where: { id: server.id }, data: { appliedHash: hash } });
  });
}

/** Whether the leader finds one of `servers` healthy. More than one is taken out at once only when Consul has lost them anyway. */
async function isCountedOn(step: Step, servers: readonly Server[]): Promise<boolean> {
  const health = await (await consulOnLeader(step)).operator.autopilotHealth();
  return servers.some(({ address }) => votesHealthily(health, address));
}

/**
 * From here on the dead servers are no members. Right before, the others prove that they carry the cluster without them: nobody
 * is taken out on the word of an old look.
 */
export async function dropDeadServers(step: Step) {
  const { cluster, outputOf } = step;
  const { replace, members } = outputOf(confirmRepair);
  const dead = cluster.serverRecords.filter(({ vmId }) => replace.includes(vmId));
  if (dead.length === 0) return done();
  const rest = cluster.serverRecords.filter(({ vmId }) => !replace.includes(vmId));
  if (rest.length * 2 <= members.length || !(await majorityTakesPart(step, rest)))
    return waitFor('The servers that are left are proving that they are healthy', SERVER_LOOK);
  if (dead.length > 1 && (await isCountedOn(step, dead)))
    return waitFor('The servers that are left are giving up the dead ones', SERVER_LOOK);
  return done(undefined, async (tx) => {
    await tx.server.updateMany({ where: { id: { in: dead.map(({ id }) => id) } }, data: { membership: 'Leaving' } });
    await tx.cluster.update({ where: { id: cluster.id }, data: { servers: rest.length, revision: { increment: 1 } } });
  });
}

/** Plan: one item when the members are others than before, for then all must learn of it; none when they are the same. */
export async function changedMemberships(step: Step): Promise<string[]> {
  const before = new Set(step.outputOf(confirmRepair).members);
  return step.cluster.serverRecords.every(({ vmId }) => before.has(vmId)) ? [] : ['members'];
}

/** Done when there is a leader, and all members vote, are healthy and have everything that was committed. */
export async function clusterIsWhole(step: Step) {
  if (!(await findLeader(step))) return waitFor('The servers are electing a leader', SERVER_LOOK);
  return (await allTakePart(step, step.cluster.serverRecords))
    ? done()
    : waitFor('The servers are proving that they are healthy', SERVER_LOOK);
}
