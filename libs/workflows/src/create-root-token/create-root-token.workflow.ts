import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import {
  confirmClusterTakesTokens,
  ensureRootToken,
  everyServerAcceptsRootToken,
  everyServerRefusesPreviousTokens,
  recordRootToken,
  revokePreviousTokens,
  sealPreviousTokens,
} from './root-token.steps';

/** Make the new beside the old, prove it, then take the old away and prove that too. */
export const createRootToken = defineWorkflow<Services>({
  operation: OPERATION_KINDS.createRootToken,
  pageOperatorAfter: minutes(15),
  steps: [
    action(confirmClusterTakesTokens),
    action(ensureRootToken, { retry: SERVER_RETRY }),
    condition(everyServerAcceptsRootToken, { within: minutes(5), orFail: 'A server did not accept the new root token.' }),
    action(sealPreviousTokens, { retry: SERVER_RETRY }),
    action(revokePreviousTokens, { retry: SERVER_RETRY }),
    condition(everyServerRefusesPreviousTokens, {
      within: minutes(5),
      orFail: 'A server still accepted the previous root token.',
    }),
    action(recordRootToken),
  ],
});
