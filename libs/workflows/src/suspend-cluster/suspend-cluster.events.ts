import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const suspendClusterEvents: OperationEvents = {
  operation: OPERATION_KINDS.suspendCluster,
  name: 'Suspend',
  started: 'The service has begun to stop the servers.',
  Succeeded: 'The cluster is suspended: its machines are stopped and cost nothing but their disks; all data is kept.',
  Failed: 'The cluster could not be suspended completely. Ask for it again, or resume the cluster.',
  Canceled: 'Suspending the cluster was stopped. Ask for it again, or resume the cluster.',
};
