import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const replaceServerEvents: OperationEvents = {
  operation: OPERATION_KINDS.replaceServer,
  name: 'ServerReplacement',
  started: 'The service has begun to replace a server by a new one.',
  Succeeded: 'A new server has taken the place of another one; all servers vote and are healthy.',
  Failed: 'A server could not be replaced. What was half made is cleared away by the next change.',
  Canceled: 'The replacement of a server was stopped.',
  milestones: { recordNewServer: { type: 'ServerAdded', message: 'A new server has joined the cluster.' } },
};
