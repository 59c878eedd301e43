import { OPERATION_KINDS } from '@managed-consul/clusters';
import { hours, minutes } from '@managed-consul/config';
import { action, condition, defineWorkflow, forEachServer, stepsOf } from '@managed-consul/workflow-engine';
import { createCluster } from '../create-cluster/create-cluster.workflow';
import { everyAgentIsConnected } from '../create-cluster/machines.steps';
import { recordRestore } from '../restore-cluster/closing.steps';
import { confirmRestoreIsAllowed } from '../restore-cluster/rehearsal.steps';
import { REAPPLY, REHEARSAL, REPAIR, RESTORE, RESTORE_HAS_STOPPED } from '../restore-cluster/restore-entries';
import type { Services } from '../services';
import { ADD_SERVER } from '../shared-steps/add-server.steps';
import { SERVER_RETRY } from '../shared-steps/delays';
import { everyServerIsRefreshed, refreshServers } from '../shared-steps/refresh-servers.steps';
import { recordRecovery, recoveredClusterIsReady } from './closing.steps';
import {
  forgetOldServers,
  newMachinesHaveAddresses,
  revokeKnownTokens,
  revokeKnownTokensAfterFailure,
  startNewMachines,
} from './rebuild.steps';
import { onlyFrom } from './recovery-source';
import { snapshotIsProved } from './proof.steps';
import {
  beginWatching,
  chooseSurvivors,
  forgetLostServers,
  lostMachinesAreGone,
  nobodyLeads,
  peersAreRecovered,
  quorumIsLost,
  restoreServerMinimum,
  serversToReplace,
  startRemovingLostMachines,
  survivorsHaveLeader,
} from './survivors.steps';

/** How servers that have machines found a cluster: as those of a new one do, from their agents on. */
const founding = stepsOf(createCluster.steps);
const FOUND_AGAIN = founding.slice(founding.findIndex(({ name }) => name === everyAgentIsConnected.name));

/** A machine that runs and is silent is not taken for lost: the customer, who can look at it, has to say so. */
const NOT_SEEN =
  'It could not be seen whether the servers have a leader. Restart or delete the machines in Azure that do not report, then ask again.';

/** Only for a cluster that cannot elect a leader any more. Lost servers are removed before the others go on without them. */
export const recoverQuorum = defineWorkflow<Services>({
  operation: OPERATION_KINDS.recoverQuorum,
  pageOperatorAfter: hours(2),
  steps: [
    ...onlyFrom('snapshot', [action(confirmRestoreIsAllowed)]),
    action(beginWatching),
    condition(nobodyLeads, { within: minutes(5), orFail: NOT_SEEN }),
    condition(quorumIsLost, { within: minutes(5), orFail: NOT_SEEN }),
    ...onlyFrom('snapshot', [
      condition(snapshotIsProved, { within: minutes(60), orFail: 'The snapshot could not be proved in time.' }),
    ]),
    action(chooseSurvivors, { retry: SERVER_RETRY }),
    action(startRemovingLostMachines),
    condition(lostMachinesAreGone, { within: minutes(20), orFail: 'Azure did not remove the machines of the lost servers.' }),
    ...onlyFrom('survivors', [
      condition(peersAreRecovered, { within: minutes(10), orFail: 'A server did not start without the lost ones.' }),
      condition(survivorsHaveLeader, { within: minutes(5), orFail: 'The servers that are left did not elect a leader.' }),
      action(forgetLostServers, { retry: SERVER_RETRY }),
    ]),
    forEachServer(serversToReplace, ADD_SERVER),
    ...onlyFrom('survivors', [
      action(restoreServerMinimum, { retry: SERVER_RETRY }),
      action(refreshServers, { retry: SERVER_RETRY }),
      condition(everyServerIsRefreshed, { within: minutes(10), orFail: 'A server did not take its new configuration.' }),
    ]),
    ...onlyFrom('snapshot', [
      action(forgetOldServers),
      action(startNewMachines),
      condition(newMachinesHaveAddresses, { within: minutes(20), orFail: 'Azure did not make the machines of the new servers.' }),
      ...FOUND_AGAIN,
      ...REHEARSAL,
      ...RESTORE,
      action(revokeKnownTokens, { retry: SERVER_RETRY }),
      ...REAPPLY,
      action(recordRestore, { retry: SERVER_RETRY }),
    ]),
    condition(recoveredClusterIsReady, { within: minutes(5), orFail: 'The cluster did not become healthy.' }),
    action(recordRecovery),
  ],
  onFailure: [
    RESTORE_HAS_STOPPED,
    action(revokeKnownTokensAfterFailure, { retry: { ...SERVER_RETRY, within: minutes(5) } }),
    ...REPAIR,
  ],
});
