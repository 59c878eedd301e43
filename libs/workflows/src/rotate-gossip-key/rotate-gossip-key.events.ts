import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const rotateGossipKeyEvents: OperationEvents = {
  operation: OPERATION_KINDS.rotateGossipKey,
  name: 'GossipKeyRotation',
  started: 'The service has begun to renew the gossip key.',
  Succeeded: 'The new gossip key is in force and the one before is worthless. New machines need the new client bundle.',
  Failed: 'The gossip key could not be renewed; the cluster works on. Ask for it again when the reason is gone.',
  Canceled: 'Renewing the gossip key was stopped; the cluster works on.',
  milestones: {
    recordNewGossipKey: {
      type: 'GossipKeyInForce',
      message: 'All machines use the new gossip key. Client bundles carry it from now on.',
    },
  },
};
