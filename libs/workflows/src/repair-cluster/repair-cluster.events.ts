import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const repairClusterEvents: OperationEvents = {
  operation: OPERATION_KINDS.repairCluster,
  name: 'Repair',
  started: 'The service has begun to repair the cluster.',
  Succeeded: 'The cluster is repaired: all servers vote and are healthy.',
  Failed: 'The cluster could not be repaired. The service looks again and goes on from what it finds.',
  Canceled: 'The repair was stopped. The service looks again and goes on from what it finds.',
  milestones: {
    serverRunsAgain: { type: 'ServerStarted', message: 'Consul runs again on a server where it had ended.' },
    recordNewServer: { type: 'ServerReplaced', message: 'A new server has taken the place of one that was lost.' },
  },
};
