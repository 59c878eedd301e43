import type { Server } from '@managed-consul/database';
import { TerminalError, TransientError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { clusterIsReady, ensureServerTokens, NAMES_POLICY } from '../create-cluster/readiness.steps';
import type { Step } from '../services';
import { reissueFederationTokens } from '../shared-steps/primary-cluster';
import { driveTask, taskMayRun } from '../shared-steps/agent-task';
import { consulOnLeader, findLeader, managementToken } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';
import { readableSnapshot, restoredSnapshot } from './rehearsal.steps';
import { staleNodes } from './stale-nodes';

const restoreTask = ({ operation }: Pick<Step, 'operation'>): string => `restore-${operation.id}`;

/** Done while somebody leads and knows the service's own token: without a leader nothing can be restored. */
export async function clusterTakesRestore(step: Step) {
  return (await managementTokenWorks(step)) ? done() : waitFor('The servers are electing a leader', SERVER_LOOK);
}

async function managementTokenWorks(step: Step): Promise<boolean> {
  try {
    return await (await consulOnLeader(step)).accessControl.isAccepted();
  } catch (error) {
    if (error instanceof TransientError) return false;
    throw error;
  }
}

/** Autopilot's settings are in the snapshot too, as they were for the servers of that time. */
export async function rememberAutopilot(step: Step) {
  // Its indexes belong to the state before the restore.
  const {
    CreateIndex: _created,
    ModifyIndex: _modified,
    ...autopilot
  } = await (await consulOnLeader(step)).operator.autopilotConfiguration();
  return done(autopilot);
}

/** From here on the cluster may have been restored: whatever fails now is followed by repairs. */
export async function beginRestore(step: Step) {
  const leader = await findLeader(step);
  if (!leader) throw new TransientError('The cluster has no leader.');
  return done({ vmId: leader.vmId });
}

/** One server and no other: a second that restored later would bring back what was revoked in between. */
function restoringServer({ cluster, outputOf }: Step): Server {
  const { vmId } = outputOf(beginRestore);
  const server = cluster.serverRecords.find((record) => record.vmId === vmId);
  if (server) return server;
  throw new TerminalError('ServerGone', 'The server that restores the snapshot is not there any more. Try again.');
}

/** The agent reads and proves the whole snapshot before it hands it to Consul. Restoring it twice ends the same. */
export async function snapshotIsRestored(step: Step) {
  const snapshot = await restoredSnapshot(step);
  const progress = await driveTask(step, restoringServer(step), {
    kind: 'restore-snapshot',
    id: restoreTask(step),
    make: async () => ({
      kind: 'restore-snapshot',
      ...(await readableSnapshot(step, snapshot)),
      consulToken: (await managementToken(step)).reveal(),
    }),
  });
  return progress.state === 'succeeded' ? done() : waitFor('Consul is taking over the state of the snapshot', SERVER_LOOK);
}

/**
 * Done when the leader knows the service's own token again. It makes the token anew from its configuration whenever it takes
 * the lead, which a restore has it do; so no bootstrap has to be reset.
 */
export async function serviceIsLetIn(step: Step) {
  return (await managementTokenWorks(step)) ? done() : waitFor('The leader is setting up access control', SERVER_LOOK);
}

/**
 * Accessor and secret as they were: agents need not be told anything. Those of a federation first, because without them a secondary
 * does not let the service in.
 */
export async function reissueServerTokens(step: Step) {
  await reissueFederationTokens(step);
  return ensureServerTokens(step);
}

/** What lets servers answer DNS is in force again, beside whatever else the snapshot gives to requests without a token. */
export async function reapplyNames(step: Step) {
  const { accessControl } = await consulOnLeader(step);
  await accessControl.ensurePolicy(NAMES_POLICY);
  await accessControl.addAnonymousPolicy(NAMES_POLICY.name);
  return done();
}

/** The settings from before the restore fit the servers that there are. */
export async function reapplyAutopilot(step: Step) {
  const { operator } = await consulOnLeader(step);
  const before = step.outputOf(rememberAutopilot);
  await operator.changeAutopilot({ ...before, CleanupDeadServers: true, MinQuorum: step.cluster.servers });
  return done();
}

/** Nodes of the snapshot that are no members would answer queries as if they were alive. */
export async function removeStaleNodes(step: Step) {
  const { catalog } = await consulOnLeader(step);
  const names = staleNodes(await catalog.agentNodes(), await catalog.members());
  for (const name of names) await catalog.deregister(name);
  return done({ removed: names.length });
}

/** Servers that the snapshot does not know are found at once, and not when the leader next compares: that can take a minute. */
export async function registerServers(step: Step) {
  const { catalog } = await consulOnLeader(step);
  const known = new Set((await catalog.agentNodes()).map(({ name }) => name));
  const missing = step.cluster.serverRecords.filter(({ name }) => !known.has(name));
  const members = await catalog.members();
  for (const { name } of missing) {
    const member = members.find((one) => one.name === name && !one.hasLeft);
    if (member) await catalog.registerServer(member);
  }
  return done({ registered: missing.length });
}

/** Done when all servers vote, are healthy, and take writes. */
export async function restoredClusterIsReady(step: Step) {
  return clusterIsReady(step);
}

/** After a failure: a restore that is still under way would undo every repair. */
export async function restoreHasStopped(step: Step) {
  const begun = step.findOutputOf(beginRestore);
  const server = step.cluster.serverRecords.find(({ vmId }) => vmId === begun?.vmId);
  // A cluster that is being deleted needs no repair.
  if (!server || step.cluster.provisioningState === 'Deleting') return done();
  const mayRun = await taskMayRun(step, server, restoreTask(step));
  return mayRun ? waitFor('The server is finishing what it was restoring', SERVER_LOOK) : done();
}
