import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const removePeerEvents: OperationEvents = {
  operation: OPERATION_KINDS.removePeer,
  name: 'PeerRemoval',
  started: 'The service has begun to take a failed peer out of Raft.',
  Succeeded: 'A failed peer was taken out of Raft.',
  Failed: 'A peer could not be taken out of Raft.',
  Canceled: 'The removal of a peer was stopped.',
};
