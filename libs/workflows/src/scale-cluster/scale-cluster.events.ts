import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const scaleClusterEvents: OperationEvents = {
  operation: OPERATION_KINDS.scaleCluster,
  name: 'Scale',
  started: 'The service has begun to change the number of servers, one at a time.',
  Succeeded: 'The cluster has the number of servers that was asked for; all vote, are healthy and take writes.',
  Failed:
    'The number of servers could not be changed. The servers that are members work on; ask for the number again when the reason is gone.',
  Canceled: 'Changing the number of servers was stopped.',
  milestones: {
    recordNewServer: { type: 'ServerAdded', message: 'A new server votes and has all data.' },
    forgetServer: { type: 'ServerRemoved', message: 'A server has left the cluster; its machine and its secrets are gone.' },
  },
};
