import { createPublicKey, randomUUID } from 'node:crypto';
import { nameOf, type Requester } from '@managed-consul/access';
import {
  breakGlassSubject,
  isSecondary,
  OPERATION_KINDS,
  recordClusterEvent,
  type BreakGlassInput,
  type OperationKind,
} from '@managed-consul/clusters';
import { minutes, systemClock, type Clock } from '@managed-consul/config';
import type { BreakGlassAccess, BreakGlassRole, Database, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { requestOperation, type Operation, type OperationLane } from '@managed-consul/operations';
import type { Change } from '../change';

/** In minutes: for how long access can be had, and how long a request for it waits for another person. */
export interface BreakGlassLimits {
  shortest: number;
  longest: number;
  approveWithin: number;
}

/** Between two tries to close an access, after one that failed. */
const CLOSE_AGAIN_AFTER = minutes(10);
const SMALLEST_KEY_BITS = 2048;

/** Whose access, to what, for how long. */
export interface BreakGlassWish {
  clusterId: string;
  role: BreakGlassRole;
  minutes: number;
  /** RSA of at least 2048 bits, PEM; the token is written for its holder alone. */
  publicKey: string;
}

/** In which order of a change anybody who touches an access sees it. */
async function lockAccess(tx: Transaction, id: string): Promise<BreakGlassAccess> {
  await tx.$queryRaw`SELECT id FROM break_glass_accesses WHERE id = ${id}::uuid FOR UPDATE`;
  const access = await tx.breakGlassAccess.findUnique({ where: { id } });
  if (!access) throw new AppError('ResourceNotFound', `There is no access ${id}.`);
  return access;
}

/** The key in its usual form. Throws InvalidRequest for anything that is not a public RSA key of enough bits. */
function readPublicKey(pem: string): string {
  const refused = (why: string) =>
    new AppError('InvalidRequest', `Send a public RSA key of at least ${SMALLEST_KEY_BITS} bits as PEM: ${why}`, {
      target: 'publicKey',
    });
  if (pem.includes('PRIVATE KEY')) throw refused('this is a private one; make another pair, and keep that half to yourself.');
  try {
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType !== 'rsa') throw refused('this one is not RSA.');
    if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < SMALLEST_KEY_BITS) throw refused('this one has fewer.');
    return key.export({ type: 'spki', format: 'pem' }).toString();
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw refused('this is none.');
  }
}

/**
 * Asks for access to the Consul of one cluster; nothing happens before another person approves it. Throws ResourceNotFound,
 * InvalidRequest for a bad key and a time out of bounds, and Conflict for a secondary datacenter and while an access of the same person is unfinished.
 */
export async function planBreakGlass(
  tx: Transaction,
  wish: BreakGlassWish,
  { requester, reason, ticket }: { requester: Requester; reason: string; ticket: string },
  limits: BreakGlassLimits,
  clock: Clock = systemClock,
): Promise<Change> {
  const { clusterId, role } = wish;
  const { shortest, longest, approveWithin } = limits;
  if (wish.minutes < shortest || wish.minutes > longest)
    throw new AppError('InvalidRequest', `Access can be had for ${shortest} to ${longest} minutes.`, { target: 'minutes' });
  await tx.$queryRaw`SELECT id FROM clusters WHERE id = ${clusterId}::uuid FOR UPDATE`;
  const cluster = await tx.cluster.findUnique({ where: { id: clusterId, deletedAt: null }, include: { federation: true } });
  if (!cluster) throw new AppError('ResourceNotFound', `There is no cluster ${clusterId}.`);
  if (isSecondary(cluster.federation)) {
    const message = `Its access rules are those of cluster ${cluster.federation?.primaryClusterId ?? ''}. Ask for access there: it is good here too.`;
    throw new AppError('Conflict', message);
  }
  const publicKey = readPublicKey(wish.publicKey);
  const [requestedBy, now] = [requester.objectId, clock.now()];
  const unfinished = await tx.breakGlassAccess.findFirst({
    where: { clusterId, requestedBy, state: { in: ['Requested', 'Approved', 'Open'] } },
  });
  if (unfinished)
    throw new AppError('Conflict', `Your access ${unfinished.id} is ${unfinished.state}. Revoke it, then ask again.`);
  const id = randomUUID();
  const approveBefore = new Date(now.getTime() + minutes(approveWithin));
  return {
    action: 'request-break-glass',
    summary: `${role} access to Consul for ${wish.minutes} minutes waits for another person, until ${approveBefore.toISOString()}.`,
    before: {},
    newId: id,
    after: { role, minutes: wish.minutes, approveBefore: approveBefore.toISOString() },
    clusterId,
    installationId: cluster.installationId,
    apply: async () => {
      const what = { id, clusterId, role, minutes: wish.minutes, publicKey, reason, ticket };
      await tx.breakGlassAccess.create({ data: { ...what, requestedBy, requestedAt: now, approveBefore } });
    },
  };
}

/**
 * Approves an access that another person has asked for, and has it opened; its time begins now. Throws ResourceNotFound,
 * AuthorizationFailed for whoever asked, and Conflict when it is not waiting any more.
 */
export async function planBreakGlassApproval(
  tx: Transaction,
  id: string,
  requester: Requester,
  clock: Clock = systemClock,
): Promise<Change> {
  const access = await lockAccess(tx, id);
  const now = clock.now();
  if (access.requestedBy === requester.objectId)
    throw new AppError('AuthorizationFailed', 'You have asked for this access. Another person has to approve it.');
  if (access.state !== 'Requested') throw new AppError('Conflict', `Access ${id} is ${access.state}.`);
  if (access.approveBefore <= now)
    throw new AppError('Conflict', `Access ${id} had to be approved before ${access.approveBefore.toISOString()}.`);
  const endsAt = new Date(now.getTime() + minutes(access.minutes));
  return {
    action: 'approve-break-glass',
    summary: `${access.role} access to Consul is opened for ${access.requestedBy}, until ${endsAt.toISOString()}.`,
    before: { id, state: access.state },
    after: { id, state: 'Approved', endsAt: endsAt.toISOString() },
    clusterId: access.clusterId,
    apply: async () => {
      const approved = { approvedBy: requester.objectId, approvedAt: now, endsAt, accessorId: randomUUID() };
      await tx.breakGlassAccess.update({ where: { id }, data: { ...approved, state: 'Approved' } });
      const message = `An operator of the service may use Consul (${access.role}) until ${endsAt.toISOString()}; the audit log says who and why.`;
      await recordClusterEvent(tx, { clusterId: access.clusterId, type: 'OperatorAccessApproved', message });
      await requestFor(tx, access, OPERATION_KINDS.openBreakGlass, 'Change', requester, clock);
    },
  };
}

/** A close is asked for in the lane Delete: it overtakes an opening that is under way. */
async function requestFor(
  tx: Transaction,
  { id, clusterId }: BreakGlassAccess,
  kind: OperationKind,
  lane: OperationLane,
  requester: Requester | undefined,
  clock: Clock,
): Promise<Operation> {
  const input: BreakGlassInput = { accessId: id };
  const by = requester ? { requestedBy: nameOf(requester), correlationId: requester.correlationId } : { requestedBy: 'service' };
  return requestOperation(tx, { kind, subject: breakGlassSubject(id), clusterId, lane, input, ...by }, clock);
}

/** Ends an access before its time. Throws ResourceNotFound, Conflict when it has ended, OperationInProgress while it is being closed. */
export async function planBreakGlassEnd(
  tx: Transaction,
  id: string,
  requester: Requester,
  clock: Clock = systemClock,
): Promise<Change> {
  const access = await lockAccess(tx, id);
  const [now, { state, clusterId }] = [clock.now(), access];
  if (state !== 'Requested' && state !== 'Approved' && state !== 'Open')
    throw new AppError('Conflict', `Access ${id} has ended already: ${state}.`);
  const isWaiting = state === 'Requested';
  return {
    action: 'revoke-break-glass',
    summary: isWaiting ? 'The request for access is taken back.' : 'The token of the access is removed from Consul now.',
    before: { id, state },
    after: { id, ...(isWaiting ? { state: 'Withdrawn' } : { endsAt: now.toISOString() }) },
    clusterId,
    apply: async () => {
      const data = isWaiting ? { state: 'Withdrawn' as const } : { endsAt: now };
      await tx.breakGlassAccess.update({ where: { id }, data });
      if (!isWaiting) await requestFor(tx, access, OPERATION_KINDS.closeBreakGlass, 'Delete', requester, clock);
    },
  };
}

/**
 * Lets requests lapse that nobody approved, and asks for the next access to be closed whose time is over. Gives the operation, to be
 * rung for; undefined when there is nothing to do. Any number may call it side by side.
 */
export async function endDueBreakGlass({ prisma }: Database, clock: Clock = systemClock): Promise<Operation | undefined> {
  const now = clock.now();
  await prisma.breakGlassAccess.updateMany({
    where: { state: 'Requested', approveBefore: { lte: now } },
    data: { state: 'Lapsed' },
  });
  return prisma.$transaction(async (tx) => {
    const again = new Date(now.getTime() - CLOSE_AGAIN_AFTER);
    const due = await tx.$queryRaw<{ id: string }[]>`
      SELECT a.id FROM break_glass_accesses a
      WHERE a.state IN ('Approved', 'Open') AND a.ends_at <= ${now} AND NOT EXISTS (
        SELECT FROM operations o WHERE o.subject = 'break-glass/' || a.id AND o.kind = ${OPERATION_KINDS.closeBreakGlass}
          AND (o.state IN ('Pending', 'Running') OR o.finished_at > ${again}))
      ORDER BY a.ends_at LIMIT 1 FOR UPDATE OF a SKIP LOCKED`;
    const access = due[0] && (await tx.breakGlassAccess.findUnique({ where: { id: due[0].id } }));
    return access ? requestFor(tx, access, OPERATION_KINDS.closeBreakGlass, 'Delete', undefined, clock) : undefined;
  });
}

/** Accesses to one cluster, or to all, the newest first. */
export const listBreakGlass = ({ prisma }: Database, clusterId: string | undefined): Promise<BreakGlassAccess[]> =>
  prisma.breakGlassAccess.findMany({
    where: clusterId === undefined ? {} : { clusterId },
    orderBy: { requestedAt: 'desc' },
    take: 200,
  });

/** One access with the servers that its token is for. Throws ResourceNotFound. */
export async function getBreakGlass(
  { prisma }: Database,
  id: string,
): Promise<{ access: BreakGlassAccess; datacenter: string; servers: string[] }> {
  const access = await prisma.breakGlassAccess.findUnique({ where: { id } });
  if (!access) throw new AppError('ResourceNotFound', `There is no access ${id}.`);
  const { datacenter, serverRecords } = await prisma.cluster.findUniqueOrThrow({
    where: { id: access.clusterId },
    include: { serverRecords: { where: { membership: 'Member' } } },
  });
  return { access, datacenter, servers: serverRecords.map(({ address }) => address) };
}
