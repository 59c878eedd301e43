import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow, forEachServer } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { everyServerIsRefreshed, refreshServers } from '../shared-steps/refresh-servers.steps';
import { unfinishedServersAreCleared } from '../shared-steps/unfinished-servers.steps';
import { redeploymentIsFinished, startRedeployment } from './infrastructure.steps';
import {
  changedMemberships,
  clusterIsWhole,
  confirmRepair,
  dropDeadServers,
  leaderAnswers,
  serverRunsAgain,
  serversToStart,
  startServerAgain,
} from './servers.steps';
import { ADD_OR_EXCHANGE_SERVER, serversToAdd } from './silent-servers.steps';

/**
 * From what was found wrong to a whole cluster: Azure's resources first, because servers need them, then servers that can be
 * started, then those that must be replaced. Takes down nothing that runs and votes.
 */
export const repairCluster = defineWorkflow<Services>({
  operation: OPERATION_KINDS.repairCluster,
  pageOperatorAfter: minutes(60),
  steps: [
    action(confirmRepair),
    action(startRedeployment),
    condition(redeploymentIsFinished, { within: minutes(30), orFail: 'Azure did not mend the cluster’s resources.' }),
    forEachServer(serversToStart, [
      action(startServerAgain, { retry: SERVER_RETRY }),
      condition(serverRunsAgain, { within: minutes(10), orFail: 'Consul did not start on a server.' }),
    ]),
    condition(leaderAnswers, {
      within: minutes(2),
      orFail:
        'No leader answers, so no server can be replaced. Recover the quorum, from the servers that are left or from a snapshot.',
    }),
    condition(dropDeadServers, {
      within: minutes(10),
      orFail: 'The servers that are left did not become healthy, so none was replaced.',
    }),
    condition(unfinishedServersAreCleared, {
      within: minutes(20),
      orFail: 'A server that is dead could not be taken out of the cluster.',
    }),
    forEachServer(serversToAdd, ADD_OR_EXCHANGE_SERVER),
    forEachServer(changedMemberships, [
      action(refreshServers, { retry: SERVER_RETRY }),
      condition(everyServerIsRefreshed, { within: minutes(10), orFail: 'A server did not learn who the others are.' }),
    ]),
    condition(clusterIsWhole, {
      within: minutes(5),
      orFail: 'The cluster did not become healthy.',
      skippable: 'The repair is through; the schedule that looks at the cluster asks for another one if something is left.',
    }),
  ],
});
