import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const redeployServerEvents: OperationEvents = {
  operation: OPERATION_KINDS.redeployServer,
  name: 'ServerRedeployment',
  started: 'The service has begun to move a server to another host of Azure.',
  Succeeded: 'A server was moved to another host of Azure, and takes part again.',
  Failed: 'A server could not be moved to another host of Azure. The service looks again and repairs what it finds.',
  Canceled: 'The move of a server was stopped. The service looks again and repairs what it finds.',
};
