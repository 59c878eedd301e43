import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const restartServerEvents: OperationEvents = {
  operation: OPERATION_KINDS.restartServer,
  name: 'ServerRestart',
  started: 'The service has begun to restart Consul on a server.',
  Succeeded: 'Consul was restarted on a server, and takes part again.',
  Failed: 'Consul could not be restarted on a server. The service looks again and repairs what it finds.',
  Canceled: 'The restart was stopped. The service looks again and repairs what it finds.',
};
