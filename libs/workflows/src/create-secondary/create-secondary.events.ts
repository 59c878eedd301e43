import { OPERATION_KINDS } from '@managed-consul/clusters';
import { createClusterEvents } from '../create-cluster/create-cluster.events';
import type { OperationEvents } from '../operation-events';

export const createSecondaryEvents: OperationEvents = {
  operation: OPERATION_KINDS.createSecondary,
  name: 'Create',
  started: 'The service has begun to create the cluster as a secondary datacenter.',
  Succeeded: 'The cluster is ready, and its datacenter and the primary one see each other.',
  Failed: 'The cluster could not be created. What was made is kept for a look; deleting the cluster removes it.',
  Canceled: 'Creating the cluster was stopped.',
  milestones: {
    ...createClusterEvents.milestones,
    primaryIsOpen: { type: 'PrimaryOpen', message: 'The primary datacenter takes others.' },
    datacentersSeeEachOther: {
      type: 'DatacentersJoined',
      message: 'The datacenters see each other, and tokens are copied from the primary one.',
    },
  },
};
