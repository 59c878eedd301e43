import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const createClusterEvents: OperationEvents = {
  operation: OPERATION_KINDS.createCluster,
  name: 'Create',
  started: 'The service has begun to create the cluster.',
  Succeeded: 'The cluster is ready: all servers vote, are healthy and take writes.',
  Failed: 'The cluster could not be created. What was made is kept for a look; deleting the cluster removes it.',
  Canceled: 'Creating the cluster was stopped.',
  milestones: {
    deploymentIsFinished: { type: 'InfrastructureReady', message: 'Azure has made the network, the storage and the machines.' },
    everyAgentIsConnected: { type: 'ServersConnected', message: 'Every server has proved itself to the service.' },
    leaderIsElected: { type: 'LeaderElected', message: 'The servers have elected a leader.' },
  },
};
