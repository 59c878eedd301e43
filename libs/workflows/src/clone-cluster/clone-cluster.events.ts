import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const cloneClusterEvents: OperationEvents = {
  operation: OPERATION_KINDS.cloneCluster,
  name: 'Clone',
  started: 'The service has begun to create the cluster from a snapshot.',
  Succeeded: 'The cluster is ready with what the snapshot holds: all servers vote, are healthy and take writes.',
  Failed:
    'The cluster could not be created from the snapshot. What was made is kept for a look; deleting the cluster removes it.',
  Canceled: 'Creating the cluster from a snapshot was stopped.',
  milestones: {
    deploymentIsFinished: {
      type: 'InfrastructureReady',
      message: 'Azure has made the network, the storage and the machines.',
    },
    everyAgentIsConnected: { type: 'ServersConnected', message: 'Every server has proved itself to the service.' },
    leaderIsElected: { type: 'LeaderElected', message: 'The servers have elected a leader.' },
    snapshotIsRehearsed: { type: 'SnapshotProved', message: 'The snapshot was restored beside a server and is good.' },
    snapshotIsRestored: { type: 'SnapshotRestored', message: 'Consul has taken over the state of the snapshot.' },
  },
};
