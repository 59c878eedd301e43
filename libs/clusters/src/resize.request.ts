import type { Requester } from '@managed-consul/access';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Operation } from '@managed-consul/operations';
import { requestClusterChange } from './cluster-change.request';
import { OPERATION_KINDS, type ResizeClusterInput } from './cluster-names';
import { refusalOf } from './create-cluster.problems';
import { findSpecProblems } from './spec-problems';
import { findVmSize } from './vm-sizes';

/**
 * Asks for servers of another size; each is replaced by a new one, one at a time. Throws InvalidRequest for a size that is not
 * offered for the cluster's number of servers; Conflict when all servers have it already, unless the last change failed. Throws
 * as well what every change of a cluster does: ResourceNotFound, AuthorizationFailed, Conflict, OperationInProgress.
 */
export function requestResize(
  tx: Transaction,
  { requester, clusterId, vmSize: wanted }: { requester: Requester; clusterId: string; vmSize: string },
  clock: Clock = systemClock,
): Promise<Operation> {
  return requestClusterChange(
    tx,
    { requester, clusterId },
    (cluster) => {
      const problems = findSpecProblems({ vmSize: wanted });
      // In the middle of a failed change there may be 2 or 4 servers: what is offered for three is right for them.
      const crowded = cluster.servers > 1 ? findSpecProblems({ servers: 3, vmSize: wanted }) : problems;
      if (crowded.length > 0) throw refusalOf(crowded, 'The cluster cannot be resized as asked');
      const vmSize = findVmSize(wanted)?.name ?? wanted;
      const sizes = [cluster.vmSize, ...cluster.serverRecords.map((server) => server.vmSize ?? cluster.vmSize)];
      if (cluster.provisioningState === 'Succeeded' && sizes.every((size) => size === vmSize))
        throw new AppError('Conflict', `The cluster's servers are ${vmSize} already.`);
      const input: ResizeClusterInput = { vmSize };
      const message = `A change of the servers from ${cluster.vmSize} to ${vmSize} was requested; the cluster works on meanwhile.`;
      return { kind: OPERATION_KINDS.resizeCluster, input, event: { type: 'ResizeRequested', message } };
    },
    clock,
  );
}
