import { constants, publicEncrypt, randomUUID } from 'node:crypto';
import { breakGlassPurpose, secretOwnerOf } from '@managed-consul/clusters';
import { minutes, SecretValue } from '@managed-consul/config';
import type { BreakGlassAccess } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Step } from '../services';
import { consulOn, consulOnLeader } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';
import { BREAK_GLASS_POLICIES } from './break-glass-policies';

const inputSchema = z.object({ accessId: z.uuid() });
/** Consul makes no token for less. */
const SHORTEST = minutes(1);

/** What was approved, with the accessor of its token and its end. */
export async function accessOf({ database, operation }: Step): Promise<BreakGlassAccess & { accessorId: string; endsAt: Date }> {
  const access = await database.prisma.breakGlassAccess.findUniqueOrThrow({
    where: { id: inputSchema.parse(operation.input).accessId },
  });
  const { accessorId, endsAt } = access;
  if (!accessorId || !endsAt) throw new TerminalError('Conflict', 'Nobody has approved this access.');
  return { ...access, accessorId, endsAt };
}

/** The secret is drawn here, sealed, before Consul knows of the token: however often this runs, there is one. */
export async function confirmAccessIsApproved(step: Step) {
  const { cluster, secrets, clock } = step;
  const { id, state, endsAt } = await accessOf(step);
  if (state !== 'Approved' && state !== 'Open') throw new TerminalError('Conflict', `The access is ${state}.`);
  if (endsAt.getTime() - clock.now().getTime() < SHORTEST)
    throw new TerminalError('Conflict', 'The time of this access is over. Ask for a new one.');
  if (cluster.provisioningState === 'Deleting' || cluster.provisioningState === 'Deleted' || cluster.serverRecords.length === 0)
    throw new TerminalError('ClusterNotReady', `The cluster is ${cluster.provisioningState} and has no servers.`);
  await secrets.putIfAbsent(secretOwnerOf(cluster.id), breakGlassPurpose(id), new SecretValue(randomUUID()));
  return done();
}

const secretOf = ({ secrets, cluster }: Step, id: string): Promise<SecretValue> =>
  secrets.get(secretOwnerOf(cluster.id), breakGlassPurpose(id));

/** Consul ends the token by itself as well, should the service be gone by then. */
export async function ensureBreakGlassToken(step: Step) {
  const { id, role, accessorId, endsAt } = await accessOf(step);
  const { accessControl } = await consulOnLeader(step);
  const policy = BREAK_GLASS_POLICIES[role];
  await accessControl.ensurePolicy(policy);
  await accessControl.ensureToken({
    accessorId,
    secretId: await secretOf(step, id),
    description: `Access ${id} of an operator of the service, until ${endsAt.toISOString()}`,
    policies: [policy.name],
    expiresIn: Math.max(SHORTEST, endsAt.getTime() - step.clock.now().getTime()),
  });
  return done();
}

/** Done when most of the servers take the token: one may be what is to be repaired. */
export async function serversAcceptBreakGlassToken(step: Step) {
  const { cluster } = step;
  const secret = await secretOf(step, (await accessOf(step)).id);
  const looks = cluster.serverRecords.map(async (server) => (await consulOn(step, server, secret)).accessControl.isAccepted());
  const accepted = (await Promise.allSettled(looks)).filter((look) => look.status === 'fulfilled' && look.value).length;
  return accepted > cluster.serverRecords.length / 2
    ? done()
    : waitFor('The servers are learning the token of an operator', SERVER_LOOK);
}

/** From here on whoever asked can read the token with the key that he kept, and nobody else. */
export async function recordOpenAccess(step: Step) {
  const { id, publicKey } = await accessOf(step);
  const secret = await secretOf(step, id);
  const padding = { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  const sealedToken = publicEncrypt(padding, Buffer.from(secret.reveal())).toString('base64');
  return done(undefined, async (tx) => {
    await tx.breakGlassAccess.updateMany({ where: { id, state: 'Approved' }, data: { state: 'Open', sealedToken } });
  });
}
