import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const restoreClusterEvents: OperationEvents = {
  operation: OPERATION_KINDS.restoreCluster,
  name: 'Restore',
  started: 'The service has begun to restore the cluster.',
  Succeeded: 'The cluster is restored: all servers vote, are healthy and take writes.',
  Failed: 'The cluster could not be restored. Its servers keep running, and you can try again.',
  Canceled: 'Restoring the cluster was stopped.',
  milestones: {
    snapshotIsRehearsed: { type: 'SnapshotProved', message: 'The snapshot was restored beside a server and is good.' },
    snapshotIsRestored: { type: 'SnapshotRestored', message: 'Consul has taken over the state of the snapshot.' },
  },
};
