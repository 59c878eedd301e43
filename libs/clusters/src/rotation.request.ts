import type { Requester } from '@managed-consul/access';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Operation } from '@managed-consul/operations';
import { requestClusterChange, type ClusterChange } from './cluster-change.request';
import { OPERATION_KINDS, type OperationKind } from './cluster-names';
import { isSecondary, secondariesOf } from './federation-membership';

/** What of a cluster can be renewed while it works on, by the operation that does it. */
export const ROTATION_KINDS = {
  GossipKey: OPERATION_KINDS.rotateGossipKey,
  ServerCertificates: OPERATION_KINDS.rotateServerCertificates,
  CertificateAuthority: OPERATION_KINDS.rotateCertificateAuthority,
  AgentTokens: OPERATION_KINDS.rotateAgentTokens,
  ConnectAuthority: OPERATION_KINDS.rotateConnectAuthority,
} as const satisfies Record<string, OperationKind>;

export type RotationTarget = keyof typeof ROTATION_KINDS;

/** All of them, e.g. for a schema of requests. */
export const ROTATION_TARGETS = Object.keys(ROTATION_KINDS) as [RotationTarget, ...RotationTarget[]];

const NAMES: Readonly<Record<RotationTarget, string>> = {
  GossipKey: 'gossip key',
  ServerCertificates: "servers' certificates",
  CertificateAuthority: "cluster's certificate authority",
  AgentTokens: "servers' agent tokens",
  ConnectAuthority: 'certificate authority of the service mesh',
};

/** The rotation of `what` as a change of a cluster. `because` is the end of a sentence, for a rotation that nobody asked for. */
export function rotationChange(what: RotationTarget, because?: string): ClusterChange {
  const message = because
    ? `The service renews the ${NAMES[what]}: ${because}.`
    : `A renewal of the ${NAMES[what]} was requested; the cluster works on meanwhile.`;
  return { kind: ROTATION_KINDS[what], input: {}, event: { type: `${what}RotationRequested`, message } };
}

/**
 * What of a cluster cannot be renewed in it alone: the datacenters of a federation have gossip key and authority in common, and
 * the mesh of a secondary is certified by its primary's.
 */
export async function sharedTargets(tx: Transaction, clusterId: string): Promise<RotationTarget[]> {
  const member = await tx.federationMember.findUnique({ where: { clusterId } });
  if (!member) return [];
  if (isSecondary(member)) return ['GossipKey', 'CertificateAuthority', 'ConnectAuthority'];
  return (await secondariesOf(tx, clusterId)).length > 0 ? ['GossipKey', 'CertificateAuthority'] : [];
}

async function refuseSharedTarget(tx: Transaction, clusterId: string, what: RotationTarget): Promise<void> {
  if (!(await sharedTargets(tx, clusterId)).includes(what)) return;
  const message = `The ${NAMES[what]} is shared with other datacenters of the federation and cannot be renewed in one of them alone.`;
  throw new AppError('ClusterFederated', message, { target: 'what' });
}

/**
 * Asks for new keys, certificates or tokens in place of those in force; what they replace is taken away once the new ones are
 * proved. Ring the bell for the operation after the commit. Throws ResourceNotFound, AuthorizationFailed, OperationInProgress,
 * Conflict for a cluster that was never ready, is suspended, or is being deleted, and ClusterFederated for what it shares.
 */
export function requestRotation(
  tx: Transaction,
  { requester, clusterId, what }: { requester: Requester; clusterId: string; what: RotationTarget },
  clock: Clock = systemClock,
): Promise<Operation> {
  const decide = async () => {
    await refuseSharedTarget(tx, clusterId, what);
    return rotationChange(what);
  };
  return requestClusterChange(tx, { requester, clusterId }, decide, clock);
}
