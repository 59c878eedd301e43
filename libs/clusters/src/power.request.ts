import type { Requester } from '@managed-consul/access';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Operation } from '@managed-consul/operations';
import { requestClusterChange } from './cluster-change.request';
import { OPERATION_KINDS } from './cluster-names';

interface PowerWish {
  requester: Requester;
  clusterId: string;
}

/**
 * Asks for a suspension: Consul and the machines stop, the disks stay. Throws Conflict for a cluster that is
 * suspended already, unless its suspension failed half-way; and ResourceNotFound, AuthorizationFailed, OperationInProgress.
 */
export function requestSuspend(
  tx: Transaction,
  { requester, clusterId }: PowerWish,
  clock: Clock = systemClock,
): Promise<Operation> {
  return requestClusterChange(
    tx,
    { requester, clusterId, suspended: true },
    ({ powerState, provisioningState }) => {
      if (powerState === 'Suspended' && provisioningState === 'Succeeded')
        throw new AppError('Conflict', 'The cluster is suspended already.');
      const message = 'A suspension was requested: the servers and their machines stop, the data is kept.';
      return { kind: OPERATION_KINDS.suspendCluster, input: {}, event: { type: 'SuspendRequested', message } };
    },
    clock,
  );
}

/**
 * Asks for the end of a suspension. Throws Conflict for a cluster that is not suspended; and ResourceNotFound,
 * AuthorizationFailed, OperationInProgress.
 */
export function requestResume(
  tx: Transaction,
  { requester, clusterId }: PowerWish,
  clock: Clock = systemClock,
): Promise<Operation> {
  return requestClusterChange(
    tx,
    { requester, clusterId, suspended: true },
    ({ powerState }) => {
      if (powerState !== 'Suspended') throw new AppError('Conflict', 'The cluster is not suspended.');
      const message = 'The end of the suspension was requested: the machines and the servers start again.';
      return { kind: OPERATION_KINDS.resumeCluster, input: {}, event: { type: 'ResumeRequested', message } };
    },
    clock,
  );
}
