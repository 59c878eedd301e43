import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow, forEachServer } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { confirmClusterCanBeRenewed, everyServerTakesPart, serverIsAsTold, tellServer } from '../shared-steps/renewal.steps';
import { followersFirst } from '../shared-steps/rolling';
import {
  ensureNewAgentTokens,
  everyServerAcceptsNewToken,
  everyServerForgotPreviousTokens,
  forgetSpareAgentTokens,
  giveNewTokensToAgents,
  recordNewAgentTokens,
  removePreviousAgentTokens,
  storeNewAgentTokens,
} from './agent-tokens.steps';

/** Each server's agent has its new token in hand, proved on that server, before the old one goes. */
export const rotateAgentTokens = defineWorkflow<Services>({
  operation: OPERATION_KINDS.rotateAgentTokens,
  pageOperatorAfter: minutes(30),
  steps: [
    action(confirmClusterCanBeRenewed),
    condition(everyServerTakesPart, {
      within: minutes(10),
      orFail: 'The servers were not all healthy, so nothing was renewed.',
    }),
    action(storeNewAgentTokens),
    action(ensureNewAgentTokens, { retry: SERVER_RETRY }),
    condition(everyServerAcceptsNewToken, { within: minutes(5), orFail: 'A server did not accept its new token.' }),
    action(recordNewAgentTokens),
    action(giveNewTokensToAgents, { retry: SERVER_RETRY }),
    forEachServer(followersFirst, [
      action(tellServer, { retry: SERVER_RETRY }),
      condition(serverIsAsTold, { within: minutes(10), orFail: 'A server did not take over what was new.' }),
    ]),
    action(removePreviousAgentTokens, { retry: SERVER_RETRY }),
    condition(everyServerForgotPreviousTokens, { within: minutes(5), orFail: 'A server still knew a previous token.' }),
    action(forgetSpareAgentTokens),
  ],
});
