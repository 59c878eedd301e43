import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow, forEachServer } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { AFTER_SERVER_IS_BACK, BEFORE_SERVER_GOES_DOWN } from '../shared-steps/rolling';
import {
  confirmClusterCanBePrimary,
  openServer,
  openServerRuns,
  recordOpenFederation,
  recordOpenServer,
  serversToOpen,
} from './opening.steps';

/** A server listens for other datacenters only from a restart on: one at a time, the leader last and after it has handed over. */
export const openFederation = defineWorkflow<Services>({
  operation: OPERATION_KINDS.openFederation,
  pageOperatorAfter: minutes(30),
  steps: [
    action(confirmClusterCanBePrimary),
    forEachServer(serversToOpen, [
      ...BEFORE_SERVER_GOES_DOWN,
      action(openServer, { retry: SERVER_RETRY }),
      condition(openServerRuns, { within: minutes(10), orFail: 'Consul did not start again on a server.' }),
      AFTER_SERVER_IS_BACK,
      action(recordOpenServer),
    ]),
    action(recordOpenFederation),
  ],
});
