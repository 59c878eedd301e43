import { createHash, randomUUID } from 'node:crypto';
import { secretOwnerOf } from '@managed-consul/clusters';
import { SecretValue } from '@managed-consul/config';
import type { ConsulToken } from '@managed-consul/consul';
import type { Server } from '@managed-consul/database';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { consulOn, consulOnEveryServer, consulOnLeader } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';
import { isTokenOfAgent, wantedAgentToken } from '../shared-steps/agent-token';
import { agentToken, agentTokenPurpose } from '../shared-steps/server-secrets';

/** Computed, so that a step that runs twice means the same token, and a later rotation another one. */
function newAccessorOf({ operation }: Step, { vmId }: Server): string {
  const bytes = createHash('sha256').update(`${operation.id}/${vmId}`).digest().subarray(0, 16);
  // RFC 9562: version 8 is for what one computes oneself.
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const waitingPrefix = ({ vmId }: Server): string => `${agentTokenPurpose(vmId)}/`;
const newPurpose = (step: Step, server: Server): string => `${waitingPrefix(server)}${newAccessorOf(step, server)}`;
const newSecret = (step: Step, server: Server): Promise<SecretValue> =>
  step.secrets.get(secretOwnerOf(step.cluster.id), newPurpose(step, server));

/** Sealed before Consul hears of them: making a token twice makes one. */
export async function storeNewAgentTokens(step: Step) {
  const { cluster, secrets } = step;
  for (const server of cluster.serverRecords) {
    await secrets.putIfAbsent(secretOwnerOf(cluster.id), newPurpose(step, server), new SecretValue(randomUUID()));
  }
  return done();
}

/** With the rights of the token before it: over its own node and nothing else. */
export async function ensureNewAgentTokens(step: Step) {
  const { accessControl } = await consulOnLeader(step);
  for (const server of step.cluster.serverRecords) {
    const accessorId = newAccessorOf(step, server);
    await accessControl.ensureToken(
      wantedAgentToken(step.cluster, server, { accessorId, secretId: await newSecret(step, server) }),
    );
  }
  return done();
}

/** Done when each server knows the token that its agent is about to work with. */
export async function everyServerAcceptsNewToken(step: Step) {
  const accepted = await Promise.all(
    step.cluster.serverRecords.map(async (server) =>
      (await consulOn(step, server, await newSecret(step, server))).accessControl.isAccepted(),
    ),
  );
  return accepted.every(Boolean) ? done() : waitFor('The servers are learning their new tokens', SERVER_LOOK);
}

/** From here on the new tokens are the ones on record; the old ones are still good. */
export async function recordNewAgentTokens(step: Step) {
  const { cluster, secrets } = step;
  const owner = secretOwnerOf(cluster.id);
  await secrets.prepareOwner(owner);
  const renewed = await Promise.all(
    cluster.serverRecords.map(async (server) => ({ server, secret: await newSecret(step, server) })),
  );
  return done(undefined, async (tx) => {
    for (const { server, secret } of renewed) {
      await secrets.put(owner, agentTokenPurpose(server.vmId), secret, tx);
      const agentTokenAccessorId = newAccessorOf(step, server);
      await tx.server.updateMany({ where: { id: server.id }, data: { agentTokenAccessorId } });
    }
  });
}

/** The agents change at once and remember it over restarts; their configuration follows. */
export async function giveNewTokensToAgents(step: Step) {
  const servers = await consulOnEveryServer(step);
  for (const { server, consul } of servers) await consul.setAgentToken(await agentToken(step, server));
  return done();
}

/** Whether a token was made for the agent of one of the cluster's servers and is not the one on record. */
const isRetired = ({ cluster }: Step, token: ConsulToken): boolean =>
  cluster.serverRecords.some((server) => isTokenOfAgent(token, server) && token.AccessorID !== server.agentTokenAccessorId);

/** Also those that a rotation that failed half-way has left. */
export async function removePreviousAgentTokens(step: Step) {
  const { accessControl } = await consulOnLeader(step);
  const retired = (await accessControl.listTokens()).filter((token) => isRetired(step, token));
  for (const { AccessorID } of retired) await accessControl.removeToken(AccessorID);
  return done();
}

/** Done when no server knows any token of an agent but the one on record. */
export async function everyServerForgotPreviousTokens(step: Step) {
  const servers = await consulOnEveryServer(step);
  const known = await Promise.all(servers.map(({ consul }) => consul.accessControl.listTokens()));
  const isStale = known.flat().some((token) => isRetired(step, token));
  return isStale ? waitFor('The servers are forgetting the previous tokens', SERVER_LOOK) : done();
}

/** What waited sealed is in force by now, or was left by a rotation that failed. */
export async function forgetSpareAgentTokens({ cluster }: Step) {
  return done(undefined, async (tx) => {
    for (const server of cluster.serverRecords) {
      const spare = { owner: secretOwnerOf(cluster.id), purpose: { startsWith: waitingPrefix(server) } };
      await tx.secret.deleteMany({ where: spare });
    }
  });
}
