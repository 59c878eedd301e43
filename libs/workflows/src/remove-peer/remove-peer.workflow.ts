import { OPERATION_KINDS } from '@managed-consul/clusters';
import { minutes } from '@managed-consul/config';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { peerIsForgotten, takePeerOut } from './peer.steps';

/** Takes a failed peer that is no server of the cluster out of Raft: what was left behind when a machine went without a goodbye. */
export const removePeer = defineWorkflow<Services>({
  operation: OPERATION_KINDS.removePeer,
  pageOperatorAfter: minutes(30),
  steps: [
    action(takePeerOut, { retry: SERVER_RETRY }),
    condition(peerIsForgotten, { within: minutes(5), orFail: 'The servers did not forget the peer.' }),
  ],
});
