import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const resizeClusterEvents: OperationEvents = {
  operation: OPERATION_KINDS.resizeCluster,
  name: 'Resize',
  started: 'The service has begun to replace the servers by servers of the new size, one at a time.',
  Succeeded: 'All servers have the new size, vote, are healthy and take writes.',
  Failed:
    'Not all servers could be replaced. The cluster works on with those that it has; ask for the size again when the reason is gone.',
  Canceled: 'Replacing the servers was stopped; the cluster works on with those that it has.',
  milestones: {
    recordNewServer: { type: 'ServerAdded', message: 'A new server of the new size votes and has all data.' },
    forgetServer: { type: 'ServerRemoved', message: 'A server has left the cluster; its machine and its secrets are gone.' },
  },
};
