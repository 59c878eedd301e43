import { hours, type Clock } from '@managed-consul/config';
import type { Cluster, Transaction } from '@managed-consul/database';
import type { Operation } from '@managed-consul/operations';
import { recordClusterChange, requireManageable } from './cluster-change.request';
import { CERTIFICATE_PURPOSES, secretOwnerOf } from './cluster-names';
import { nextRotation, type Life, type RotationFacts } from './rotation-plan';
import { ROTATION_KINDS, ROTATION_TARGETS, rotationChange, sharedTargets, type RotationTarget } from './rotation.request';

/** What came of a look at one cluster. */
export interface AutomaticRotation {
  /** The rotation that was asked for; undefined when none is due. */
  operation: Operation | undefined;
  /** When to look again; undefined when the cluster is gone. */
  nextLook: Date | undefined;
}

/** Not longer, because certificates change with servers that come and go, and rotations with customers who ask for them. */
const LOOK_WITHIN = hours(24);

const SERVER_PREFIX = 'server/';

/** The newest certificate of each purpose is in force; those of servers that are gone do not count. */
async function certificatesInForce(tx: Transaction, clusterId: string): Promise<{ purpose: string; life: Life }[]> {
  const servers = await tx.server.findMany({ where: { clusterId, membership: 'Member' }, select: { vmId: true } });
  const purposes = [CERTIFICATE_PURPOSES.certificateAuthority, ...servers.map(({ vmId }) => `${SERVER_PREFIX}${vmId}`)];
  const newest = await tx.certificate.findMany({
    where: { owner: secretOwnerOf(clusterId), purpose: { in: purposes } },
    orderBy: [{ purpose: 'asc' }, { notBefore: 'desc' }, { id: 'desc' }],
    distinct: ['purpose'],
  });
  return newest.map(({ purpose, notBefore, notAfter }) => ({ purpose, life: { notBefore, notAfter } }));
}

/** The last rotation of each target that has ended, if there was one. */
async function lastRotations(tx: Transaction, clusterId: string): Promise<Map<RotationTarget, { state: string; at: Date }>> {
  const found = new Map<RotationTarget, { state: string; at: Date }>();
  for (const what of ROTATION_TARGETS) {
    const where = { clusterId, kind: ROTATION_KINDS[what], state: { in: ['Succeeded' as const, 'Failed' as const] } };
    const last = await tx.operation.findFirst({ where, orderBy: { createdAt: 'desc' } });
    if (last) found.set(what, { state: last.state, at: last.finishedAt ?? last.createdAt });
  }
  return found;
}

async function lastSuccess(tx: Transaction, { id, createdAt }: Cluster, what: RotationTarget): Promise<Date> {
  const where = { clusterId: id, kind: ROTATION_KINDS[what], state: 'Succeeded' as const };
  return (await tx.operation.findFirst({ where, orderBy: { createdAt: 'desc' } }))?.finishedAt ?? createdAt;
}

async function readFacts(tx: Transaction, cluster: Cluster): Promise<RotationFacts> {
  const certificates = await certificatesInForce(tx, cluster.id);
  const ended = await lastRotations(tx, cluster.id);
  const failed = [...ended].filter(([, { state }]) => state === 'Failed').map(([what, { at }]) => [what, at] as const);
  return {
    serverCertificates: certificates.filter(({ purpose }) => purpose.startsWith(SERVER_PREFIX)).map(({ life }) => life),
    certificateAuthority: certificates.find(({ purpose }) => purpose === CERTIFICATE_PURPOSES.certificateAuthority)?.life,
    agentTokensSince: await lastSuccess(tx, cluster, 'AgentTokens'),
    connectAuthoritySince: await lastSuccess(tx, cluster, 'ConnectAuthority'),
    failedAt: Object.fromEntries(failed),
    shared: await sharedTargets(tx, cluster.id),
  };
}

/**
 * Asks for the rotation that is due, if one is. Throws OperationInProgress, and Conflict for a cluster that cannot be renewed
 * now (suspended, say): the transaction must then store nothing.
 */
export async function requestDueRotation(tx: Transaction, clusterId: string, clock: Clock): Promise<AutomaticRotation> {
  await tx.$queryRaw`SELECT id FROM clusters WHERE id = ${clusterId}::uuid FOR UPDATE`;
  const cluster = await tx.cluster.findUnique({ where: { id: clusterId, deletedAt: null } });
  if (!cluster) return { operation: undefined, nextLook: undefined };
  const now = clock.now();
  const latest = new Date(now.getTime() + LOOK_WITHIN);
  const next = nextRotation(await readFacts(tx, cluster));
  if (!next || next.dueAt > now) {
    return { operation: undefined, nextLook: next && next.dueAt < latest ? next.dueAt : latest };
  }
  requireManageable(cluster);
  const change = rotationChange(next.what, next.because);
  const operation = await recordClusterChange(tx, cluster, change, { schedule: 'rotate' }, clock);
  // Another one may be due when this one has ended.
  return { operation, nextLook: new Date(now.getTime() + hours(1)) };
}
