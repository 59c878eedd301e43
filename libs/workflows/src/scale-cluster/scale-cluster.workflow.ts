import { OPERATION_KINDS } from '@managed-consul/clusters';
import { hours, minutes } from '@managed-consul/config';
import { action, condition, defineWorkflow, forEachServer } from '@managed-consul/workflow-engine';
import { clusterIsReady } from '../create-cluster/readiness.steps';
import type { Services } from '../services';
import { ADD_SERVER } from '../shared-steps/add-server.steps';
import { SERVER_RETRY } from '../shared-steps/delays';
import { everyServerIsRefreshed, refreshServers } from '../shared-steps/refresh-servers.steps';
import { REMOVE_SERVER } from '../shared-steps/remove-server.steps';
import { unfinishedServersAreCleared, unfinishedServersAreTakenBack } from '../shared-steps/unfinished-servers.steps';
import { confirmClusterCanBeScaled, lowerServerMinimum, raiseServerMinimum, serversToAdd, serversToRemove } from './scale.steps';

/** From one number of servers to another, one server at a time. The records count the servers that there are, at every moment. */
export const scaleCluster = defineWorkflow<Services>({
  operation: OPERATION_KINDS.scaleCluster,
  pageOperatorAfter: hours(2),
  steps: [
    action(confirmClusterCanBeScaled),
    condition(unfinishedServersAreCleared, {
      within: minutes(20),
      orFail: 'What an earlier change has left could not be cleared away, because the cluster is not healthy.',
    }),
    action(lowerServerMinimum, { retry: SERVER_RETRY }),
    forEachServer(serversToAdd, ADD_SERVER),
    forEachServer(serversToRemove, REMOVE_SERVER),
    action(raiseServerMinimum, { retry: SERVER_RETRY }),
    action(refreshServers, { retry: SERVER_RETRY }),
    condition(everyServerIsRefreshed, { within: minutes(10), orFail: 'A server did not take its new configuration.' }),
    condition(clusterIsReady, {
      within: minutes(5),
      orFail: 'The cluster did not become healthy.',
      skippable: 'Each new server has proved itself before; the schedule that looks at the cluster tells when it is not healthy.',
    }),
  ],
  onFailure: [
    condition(unfinishedServersAreTakenBack, {
      within: minutes(5),
      orFail: 'What was left could not be cleared away yet.',
      skippable: 'The next change of the servers and every repair begin with the same work.',
    }),
  ],
});
