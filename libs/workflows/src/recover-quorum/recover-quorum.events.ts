import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const recoverQuorumEvents: OperationEvents = {
  operation: OPERATION_KINDS.recoverQuorum,
  name: 'QuorumRecovery',
  started: 'The service has begun to recover the quorum.',
  Succeeded: 'The cluster has its quorum back: all servers vote, are healthy and take writes.',
  Failed: 'The quorum could not be recovered.',
  Canceled: 'Recovering the quorum was stopped.',
  milestones: {
    quorumIsLost: { type: 'QuorumLost', message: 'No server has led for a while: the quorum is lost.' },
    peersAreRecovered: { type: 'SurvivorsStarted', message: 'The servers that are left have started as a cluster of their own.' },
    snapshotIsRestored: { type: 'SnapshotRestored', message: 'Consul has taken over the state of the snapshot.' },
  },
};
