import { OPERATION_KINDS } from '@managed-consul/clusters';
import { hours, minutes } from '@managed-consul/config';
import { action, condition, defineWorkflow, forEachServer } from '@managed-consul/workflow-engine';
import { clusterIsReady } from '../create-cluster/readiness.steps';
import { confirmClusterCanBeResized, EXCHANGE_SERVER, restoreServerMinimum } from '../resize-cluster/resize.steps';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { namedServer } from '../shared-steps/named-server';
import { everyServerIsRefreshed, refreshServers } from '../shared-steps/refresh-servers.steps';
import { unfinishedServersAreCleared, unfinishedServersAreTakenBack } from '../shared-steps/unfinished-servers.steps';

/** A new server for one old one, as a resize does it for each: there is one more than there has to be, never one fewer. */
export const replaceServer = defineWorkflow<Services>({
  operation: OPERATION_KINDS.replaceServer,
  pageOperatorAfter: hours(1),
  steps: [
    action(confirmClusterCanBeResized),
    condition(unfinishedServersAreCleared, {
      within: minutes(20),
      orFail: 'What an earlier change has left could not be cleared away, because the cluster is not healthy.',
    }),
    forEachServer(namedServer, EXCHANGE_SERVER),
    action(restoreServerMinimum, { retry: SERVER_RETRY }),
    action(refreshServers, { retry: SERVER_RETRY }),
    condition(everyServerIsRefreshed, { within: minutes(10), orFail: 'A server did not take its new configuration.' }),
    condition(clusterIsReady, { within: minutes(5), orFail: 'The cluster did not become healthy.' }),
  ],
  onFailure: [
    condition(unfinishedServersAreTakenBack, { within: minutes(5), orFail: 'What was left could not be cleared away yet.' }),
  ],
});
