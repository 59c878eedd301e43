import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const transferLeadershipEvents: OperationEvents = {
  operation: OPERATION_KINDS.transferLeadership,
  name: 'LeadershipTransfer',
  started: 'The service has begun to have another server lead.',
  Succeeded: 'Another server leads now.',
  Failed: 'No other server took over the lead.',
  Canceled: 'The transfer of the lead was stopped.',
};
