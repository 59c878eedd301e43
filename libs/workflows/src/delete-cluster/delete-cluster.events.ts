import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const deleteClusterEvents: OperationEvents = {
  operation: OPERATION_KINDS.deleteCluster,
  name: 'Delete',
  started: 'The service has begun to delete the cluster.',
  Succeeded: 'The cluster is deleted: nothing of it is left in Azure, and its secrets are destroyed.',
  Failed: 'The cluster could not be deleted. Ask for it again when the reason is gone.',
  Canceled: 'Deleting the cluster was stopped.',
  milestones: {
    nothingIsLeft: { type: 'InfrastructureRemoved', message: 'Azure has removed the network, the storage and the machines.' },
  },
};
