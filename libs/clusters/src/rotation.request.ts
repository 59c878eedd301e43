import type { Requester } from '@managed-consul/access';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import type { Operation } from '@managed-consul/operations';
import { requestClusterChange, type ClusterChange } from './cluster-change.request';
import { OPERATION_KINDS, type OperationKind } from './cluster-names';

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
 * Asks for new keys, certificates or tokens in place of those in force; what they replace is taken away once the new ones are
 * proved. Ring the bell for the operation after the commit. Throws ResourceNotFound, AuthorizationFailed, OperationInProgress,
 * and Conflict for a cluster that was never ready, is suspended, or is being deleted.
 */
export function requestRotation(
  tx: Transaction,
  { requester, clusterId, what }: { requester: Requester; clusterId: string; what: RotationTarget },
  clock: Clock = systemClock,
): Promise<Operation> {
  return requestClusterChange(tx, { requester, clusterId }, () => rotationChange(what), clock);
}
