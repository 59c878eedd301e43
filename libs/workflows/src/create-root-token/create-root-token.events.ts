import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const createRootTokenEvents: OperationEvents = {
  operation: OPERATION_KINDS.createRootToken,
  name: 'RootToken',
  started: 'The service has begun to make a new root token.',
  Succeeded: 'The new root token is in force; every server refuses the one before it.',
  Failed: 'The new root token could not be made, or the one before it not be revoked. Ask for a new one.',
  Canceled: 'Making the root token was stopped. Ask for a new one.',
};
