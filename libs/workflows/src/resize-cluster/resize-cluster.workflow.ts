import { OPERATION_KINDS } from '@managed-consul/clusters';
import { hours, minutes } from '@managed-consul/config';
import { action, condition, defineWorkflow, forEachServer } from '@managed-consul/workflow-engine';
import { clusterIsReady } from '../create-cluster/readiness.steps';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { everyServerIsRefreshed, refreshServers } from '../shared-steps/refresh-servers.steps';
import { unfinishedServersAreCleared, unfinishedServersAreTakenBack } from '../shared-steps/unfinished-servers.steps';
import {
  confirmClusterCanBeResized,
  EXCHANGE_SERVER,
  recordNewSize,
  restoreServerMinimum,
  serversOfAnotherSize,
} from './resize.steps';

/** A new server for each old one, one at a time: there is always one more than there has to be, never one fewer. */
export const resizeCluster = defineWorkflow<Services>({
  operation: OPERATION_KINDS.resizeCluster,
  pageOperatorAfter: hours(3),
  steps: [
    action(confirmClusterCanBeResized),
    condition(unfinishedServersAreCleared, {
      within: minutes(20),
      orFail: 'What an earlier change has left could not be cleared away, because the cluster is not healthy.',
    }),
    action(recordNewSize),
    forEachServer(serversOfAnotherSize, EXCHANGE_SERVER),
    action(restoreServerMinimum, { retry: SERVER_RETRY }),
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
