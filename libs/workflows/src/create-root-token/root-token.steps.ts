import { GLOBAL_MANAGEMENT_POLICY } from '@managed-consul/consul';
import { rootTokenPurpose, secretOwnerOf } from '@managed-consul/clusters';
import { TerminalError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Step } from '../services';
import { consulOn, consulOnEveryServer, consulOnLeader } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';

const inputSchema = z.object({ accessorId: z.uuid() });
const newAccessorOf = ({ operation }: Pick<Step, 'operation'>): string => inputSchema.parse(operation.input).accessorId;

/** Accessors of root tokens that may still be worth something: all but the new one. */
async function previousAccessors(step: Step): Promise<string[]> {
  const alive = { clusterId: step.cluster.id, revokedAt: null, accessorId: { not: newAccessorOf(step) } };
  return (await step.database.prisma.rootToken.findMany({ where: alive })).map(({ accessorId }) => accessorId);
}

/** The secret waits sealed since the request; without it, or without a running cluster, there is nothing to make. */
export async function confirmClusterTakesTokens(step: Step) {
  const { cluster, secrets } = step;
  if (cluster.provisioningState === 'Deleting' || cluster.provisioningState === 'Deleted' || cluster.serverRecords.length === 0) {
    throw new TerminalError(
      'ClusterNotReady',
      `The cluster is ${cluster.provisioningState}. Ask for a root token when it has been created.`,
    );
  }
  await secrets.get(secretOwnerOf(cluster.id), rootTokenPurpose(newAccessorOf(step)));
  return done();
}

export async function ensureRootToken(step: Step) {
  const { cluster, secrets } = step;
  const accessorId = newAccessorOf(step);
  const secretId = await secrets.get(secretOwnerOf(cluster.id), rootTokenPurpose(accessorId));
  const { accessControl } = await consulOnLeader(step);
  await accessControl.ensureToken({
    accessorId,
    secretId,
    description: 'Root token of the customer',
    policies: [GLOBAL_MANAGEMENT_POLICY],
  });
  return done();
}

/** The customer may use the new token on any server before the old one goes. */
export async function everyServerAcceptsRootToken(step: Step) {
  const { cluster, secrets } = step;
  const secret = await secrets.get(secretOwnerOf(cluster.id), rootTokenPurpose(newAccessorOf(step)));
  const accepted = await Promise.all(
    cluster.serverRecords.map(async (server) => (await consulOn(step, server, secret)).accessControl.isAccepted()),
  );
  return accepted.every(Boolean) ? done() : waitFor('The servers are learning the new root token', SERVER_LOOK);
}

/** Refusal can be proved only with the secret itself; it is kept sealed until it is proved worthless. */
export async function sealPreviousTokens(step: Step) {
  const { cluster, secrets } = step;
  const previous = await previousAccessors(step);
  const { accessControl } = await consulOnLeader(step);
  for (const accessorId of previous) {
    const secret = await accessControl.findTokenSecret(accessorId);
    if (secret) await secrets.putIfAbsent(secretOwnerOf(cluster.id), rootTokenPurpose(accessorId), secret);
  }
  return done({ previous });
}

export async function revokePreviousTokens(step: Step) {
  const { previous } = step.outputOf(sealPreviousTokens);
  const { accessControl } = await consulOnLeader(step);
  for (const accessorId of previous) await accessControl.removeToken(accessorId);
  return done();
}

/** Done when every server has refused every previous secret, and knows none of the accessors. */
export async function everyServerRefusesPreviousTokens(step: Step) {
  const { cluster, secrets, outputOf } = step;
  const owner = secretOwnerOf(cluster.id);
  const servers = await consulOnEveryServer(step);
  for (const accessorId of outputOf(sealPreviousTokens).previous) {
    const secret = await secrets.find(owner, rootTokenPurpose(accessorId));
    const known = await Promise.all(
      servers.map(async ({ server, consul }) => {
        if (secret && (await (await consulOn(step, server, secret)).accessControl.isAccepted())) return true;
        return (await consul.accessControl.findToken(accessorId)) !== undefined;
      }),
    );
    if (known.some(Boolean)) return waitFor('The servers are forgetting the previous root token', SERVER_LOOK);
  }
  return done();
}

/** From here on the service knows no root token's secret any more. */
export async function recordRootToken(step: Step) {
  const { cluster, secrets, clock, outputOf } = step;
  const accessorId = newAccessorOf(step);
  const { previous } = outputOf(sealPreviousTokens);
  const owner = secretOwnerOf(cluster.id);
  return done(undefined, async (tx) => {
    await tx.rootToken.updateMany({
      where: { accessorId: { in: previous } },
      data: { state: 'Revoked', revokedAt: clock.now() },
    });
    await tx.rootToken.updateMany({ where: { accessorId }, data: { state: 'Active' } });
    for (const one of [accessorId, ...previous]) await secrets.delete(owner, rootTokenPurpose(one), tx);
  });
}
