import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const openFederationEvents: OperationEvents = {
  operation: OPERATION_KINDS.openFederation,
  name: 'OpenFederation',
  started: 'The service has begun to open the cluster for other datacenters.',
  Succeeded: 'The cluster takes other datacenters now.',
  Failed: 'The cluster could not be opened for other datacenters. Ask for a new federation token; that tries again.',
  Canceled: 'Opening the cluster for other datacenters was stopped. Ask for a new federation token; that tries again.',
};
