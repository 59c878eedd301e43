import { createHash } from 'node:crypto';
import type { Requester } from '@managed-consul/access';
import { minutes, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Database, Installation, Transaction } from '@managed-consul/database';

/** Below this path of the API stand the secrets that Azure forwards requests with: `/forwarded/<secret>/<path of the request>`. */
export const FORWARDED_PATH = '/forwarded';

/** What a secret may consist of: it is a part of an address, and too long to be found by trying. */
const SECRET = /^[\w-]{40,128}$/;

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/**
 * The secret in the address that a custom provider forwards to; undefined for an address that is not of this form. Two random
 * UUIDs are enough of one.
 */
export function secretInEndpoint(endpoint: string): string | undefined {
  const [, secret = ''] = new RegExp(`${FORWARDED_PATH}/([^/?]+)`).exec(endpoint) ?? [];
  return SECRET.test(secret) ? secret : undefined;
}

/** Principals of tokens are UUIDs, so no token is ever this one. */
const principalOf = (installationId: string): string => `custom-provider/${installationId}`;

/**
 * Lets requests in that Azure forwards with the secret, and no other any more; without one, none. Azure has looked at what its
 * caller may do, and does not say who that is: all of them act as one principal. Throws when another installation has it.
 */
export async function setFrontDoor(
  tx: Transaction,
  { id: installationId, tenantId }: Pick<Installation, 'id' | 'tenantId'>,
  secret: string | undefined,
): Promise<void> {
  const frontDoorSecretHash = secret === undefined ? null : hashOf(secret);
  await tx.installation.update({ where: { id: installationId }, data: { frontDoorSecretHash } });
  const who = { installationId, tenantId, principalId: principalOf(installationId) };
  if (secret === undefined) {
    await tx.roleAssignment.deleteMany({ where: who });
    return;
  }
  const where = { installationId_tenantId_principalId: who };
  await tx.roleAssignment.upsert({ where, create: { ...who, role: 'Contributor' }, update: { role: 'Contributor' } });
}

/** Whether another installation than this one has the secret. */
export async function isSecretTaken(tx: Transaction, installationId: string, secret: string): Promise<boolean> {
  const where = { frontDoorSecretHash: hashOf(secret), id: { not: installationId } };
  return (await tx.installation.count({ where })) > 0;
}

/** The installation whose custom provider knows the secret, while it is ready. Looked for by hash: its time tells nothing. */
export async function findByFrontDoorSecret({ prisma }: Database, secret: string): Promise<Installation | undefined> {
  if (!SECRET.test(secret)) return undefined;
  const found = await prisma.installation.findUnique({ where: { frontDoorSecretHash: hashOf(secret), state: 'Ready' } });
  return found ?? undefined;
}

/** For how long after Azure began to set an application up its requests may be early. */
const SET_UP_WITHIN: Milliseconds = minutes(15);

const SUBSCRIPTION = /^[\da-f-]{36}$/i;

/**
 * Whether Azure has said lately that it sets an application up in the subscription whose door is not open yet. Its customer may
 * send requests as soon as Azure is done, which is before the service has read the secret.
 */
export async function isDoorBeingMade({ prisma }: Database, subscriptionId: string, clock: Clock): Promise<boolean> {
  if (!SUBSCRIPTION.test(subscriptionId)) return false;
  const receivedAt = { gt: new Date(clock.now().getTime() - SET_UP_WITHIN) };
  const where = {
    eventType: 'PUT',
    receivedAt,
    applicationId: { startsWith: `/subscriptions/${subscriptionId.toLowerCase()}/` },
  };
  const news = await prisma.notification.findMany({ where, distinct: ['applicationId'], select: { applicationId: true } });
  const named = { applicationId: { in: news.map(({ applicationId }) => applicationId) } };
  return news.length > (await prisma.installation.count({ where: { ...named, frontDoorSecretHash: { not: null } } }));
}

/** Who a forwarded request is from, as far as Azure says. */
export const forwardedRequester = ({ id, tenantId }: Installation, correlationId: string): Requester => ({
  tenantId,
  objectId: principalOf(id),
  groupIds: [],
  correlationId,
});
