import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const resumeClusterEvents: OperationEvents = {
  operation: OPERATION_KINDS.resumeCluster,
  name: 'Resume',
  started: 'The service has begun to start the machines.',
  Succeeded: 'The cluster is back: its servers vote, are healthy and take writes, with all data from before.',
  Failed: 'The cluster could not be resumed. Ask for it again when the reason is gone; the data is kept.',
  Canceled: 'Resuming the cluster was stopped. Ask for it again.',
  milestones: {
    everyMachineRuns: { type: 'MachinesStarted', message: 'Azure has started the machines.' },
    leaderIsElected: { type: 'LeaderElected', message: 'The servers have elected a leader.' },
  },
};
