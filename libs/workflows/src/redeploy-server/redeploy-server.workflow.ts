import { OPERATION_KINDS } from '@managed-consul/clusters';
import { minutes } from '@managed-consul/config';
import { action, condition, defineWorkflow, forEachServer } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { namedServer } from '../shared-steps/named-server';
import { AFTER_SERVER_IS_BACK, BEFORE_SERVER_GOES_DOWN } from '../shared-steps/rolling';
import { machineIsBack, noteMachine, startRedeploying } from './redeploy.steps';

/** Moves one server's machine to another host of Azure, with its disk. For a host that is slow or broken, and an agent that is silent. */
export const redeployServer = defineWorkflow<Services>({
  operation: OPERATION_KINDS.redeployServer,
  pageOperatorAfter: minutes(60),
  steps: [
    forEachServer(namedServer, [
      ...BEFORE_SERVER_GOES_DOWN,
      action(noteMachine),
      action(startRedeploying, { retry: SERVER_RETRY }),
      condition(machineIsBack, { within: minutes(30), orFail: 'The server did not come back from its new host.' }),
      AFTER_SERVER_IS_BACK,
    ]),
  ],
});
