import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow, forEachServer } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { confirmClusterCanBeRenewed, everyServerTakesPart, serverIsAsTold, tellServer } from '../shared-steps/renewal.steps';
import { followersFirst } from '../shared-steps/rolling';
import {
  everyMemberKnowsNewKey,
  everyMemberUsesNewKey,
  installNewGossipKey,
  onlyNewGossipKeyIsKnown,
  recordGossipKeyInForce,
  recordNewGossipKey,
  removeOtherGossipKeys,
  storeNewGossipKey,
  tellOfAbsentMembers,
  useNewGossipKey,
} from './gossip-key.steps';

/** Everybody learns the new key before anybody uses it, and everybody uses it before the old one goes. */
export const rotateGossipKey = defineWorkflow<Services>({
  operation: OPERATION_KINDS.rotateGossipKey,
  pageOperatorAfter: minutes(30),
  steps: [
    action(confirmClusterCanBeRenewed),
    condition(everyServerTakesPart, {
      within: minutes(10),
      orFail: 'The servers were not all healthy, so nothing was renewed.',
    }),
    action(storeNewGossipKey),
    action(installNewGossipKey, { retry: SERVER_RETRY }),
    condition(everyMemberKnowsNewKey, { within: minutes(10), orFail: 'A machine did not accept the new gossip key.' }),
    action(tellOfAbsentMembers, {
      retry: SERVER_RETRY,
      skippable: 'It only writes into the history which machines are away; the keys do not depend on it.',
    }),
    action(useNewGossipKey, { retry: SERVER_RETRY }),
    condition(everyMemberUsesNewKey, { within: minutes(10), orFail: 'A machine did not change to the new gossip key.' }),
    action(recordNewGossipKey),
    forEachServer(followersFirst, [
      action(tellServer, { retry: SERVER_RETRY }),
      condition(serverIsAsTold, { within: minutes(10), orFail: 'A server did not take over what was new.' }),
    ]),
    action(removeOtherGossipKeys, { retry: SERVER_RETRY }),
    condition(onlyNewGossipKeyIsKnown, { within: minutes(10), orFail: 'A machine did not forget the previous gossip key.' }),
  ],
  onFailure: [action(recordGossipKeyInForce, { retry: SERVER_RETRY })],
});
