import { isSecondary } from '@managed-consul/clusters';
import type { Server } from '@managed-consul/database';
import { TerminalError, TransientError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { wantedAgentToken } from '../shared-steps/agent-token';
import { consulOn, consulOnEveryServer, consulOnLeader, findLeader, managementToken } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';
import { acceptsWrites, autopilotIsHealthy, everyServerVotes } from '../shared-steps/server-health';
import { agentToken } from '../shared-steps/server-secrets';

/** A new leader needs a moment to make the management token; until then it refuses or says that it is not ready. */
async function leaderKnowsManagementToken(step: Step, leader: Server): Promise<boolean> {
  try {
    return await (await consulOn(step, leader, await managementToken(step))).accessControl.isAccepted();
  } catch (error) {
    if (error instanceof TransientError) return false;
    throw error;
  }
}

/** Done when most servers name the same leader, and it knows the management token. */
export async function leaderIsElected(step: Step) {
  const leader = await findLeader(step);
  if (!leader) return waitFor('The servers are electing a leader', SERVER_LOOK);
  return (await leaderKnowsManagementToken(step, leader))
    ? done()
    : waitFor('The leader is setting up access control', SERVER_LOOK);
}

/** Each server's agent works with rights over its own node and nothing else. */
export async function ensureServerTokens(step: Step) {
  const { accessControl } = await consulOnLeader(step);
  const { cluster } = step;
  for (const server of cluster.serverRecords) {
    if (!server.agentTokenAccessorId)
      throw new TerminalError('InternalError', 'The operation cannot go on because of a mistake of the service.');
    const token = { accessorId: server.agentTokenAccessorId, secretId: await agentToken(step, server) };
    await accessControl.ensureToken(wantedAgentToken(cluster, server, token));
  }
  return done();
}

/** What lets servers answer DNS. */
export const NAMES_POLICY = {
  name: 'managed-consul-names',
  description: 'Lets the servers answer DNS: names of nodes and services can be read, nothing else.',
  rules: 'node_prefix "" { policy = "read" }\nservice_prefix "" { policy = "read" }\n',
};

/**
 * DNS carries no token: without this, servers answer every question with nothing. Keys, sessions and agents stay closed. A secondary
 * datacenter has the rules of its primary, and what its customer has made of them.
 */
export async function openNames(step: Step) {
  if (isSecondary(step.cluster.federation)) return done();
  const { accessControl } = await consulOnLeader(step);
  await accessControl.ensurePolicy(NAMES_POLICY);
  await accessControl.setAnonymousPolicies([NAMES_POLICY.name]);
  return done();
}

/** Done when each of `servers` takes a write with the management token. */
export async function allTakeWrites(step: Step, servers: readonly Server[]) {
  const proof = step.clock.now().toISOString();
  const everywhere = await consulOnEveryServer({ ...step, cluster: { ...step.cluster, serverRecords: [...servers] } });
  const writes = await Promise.all(everywhere.map(({ consul, server }) => acceptsWrites(consul, `${server.name} ${proof}`)));
  return writes.every(Boolean) ? done() : waitFor('The servers are learning the access rules', SERVER_LOOK);
}

/** Done when all servers vote, autopilot finds them healthy, and each takes a write with the management token. */
export async function clusterIsReady(step: Step) {
  const { cluster } = step;
  const leader = await findLeader(step);
  if (!leader) return waitFor('The servers are electing a leader', SERVER_LOOK);
  const leading = await consulOn(step, leader, await managementToken(step));
  const peers = await leading.operator.raftServers();
  if (
    !everyServerVotes(
      peers,
      cluster.serverRecords.map(({ address }) => address),
    )
  )
    return waitFor('The servers are joining', SERVER_LOOK);
  if (!autopilotIsHealthy(await leading.operator.autopilotHealth(), cluster.servers)) {
    return waitFor('The servers are proving that they are stable', SERVER_LOOK);
  }
  return allTakeWrites(step, cluster.serverRecords);
}

/** The version is what the servers say, not what was asked for. */
export async function recordReadyCluster(step: Step) {
  const { cluster } = step;
  const { version } = await (await consulOnLeader(step)).self();
  return done(undefined, async (tx) => {
    const data = { observedConsulVersion: version, revision: { increment: 1 } };
    await tx.cluster.update({ where: { id: cluster.id }, data });
  });
}
