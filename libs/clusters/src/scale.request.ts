import type { Requester } from '@managed-consul/access';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Operation } from '@managed-consul/operations';
import { requestClusterChange } from './cluster-change.request';
import { OPERATION_KINDS, type ScaleClusterInput } from './cluster-names';
import { refusalOf } from './create-cluster.problems';
import { findSpecProblems } from './spec-problems';
import { requireServerQuota } from './tenant-quota';

const isCount = (servers: number): servers is ScaleClusterInput['servers'] => [1, 3, 5].includes(servers);

/**
 * Asks for another number of servers: 1, 3 or 5. Throws InvalidRequest for any other number, or for more than one server of a
 * size that is offered for one only; Conflict when there are as many already, unless the last change failed on its way there.
 * Throws as well what every change of a cluster does: ResourceNotFound, AuthorizationFailed, Conflict, OperationInProgress;
 * and QuotaExceeded.
 */
export function requestScale(
  tx: Transaction,
  { requester, clusterId, servers }: { requester: Requester; clusterId: string; servers: number },
  clock: Clock = systemClock,
): Promise<Operation> {
  return requestClusterChange(
    tx,
    { requester, clusterId },
    async (cluster) => {
      const problems = findSpecProblems({ servers, vmSize: cluster.vmSize });
      if (problems.length > 0 || !isCount(servers)) throw refusalOf(problems, 'The cluster cannot be scaled as asked');
      if (cluster.servers === servers && cluster.provisioningState === 'Succeeded')
        throw new AppError('Conflict', `The cluster has ${servers} ${servers === 1 ? 'server' : 'servers'} already.`);
      await requireServerQuota(tx, cluster.installationId, servers - cluster.servers);
      const input: ScaleClusterInput = { servers };
      const message = `A change from ${cluster.servers} to ${servers} servers was requested; the cluster works on meanwhile.`;
      return { kind: OPERATION_KINDS.scaleCluster, input, event: { type: 'ScaleRequested', message } };
    },
    clock,
  );
}
