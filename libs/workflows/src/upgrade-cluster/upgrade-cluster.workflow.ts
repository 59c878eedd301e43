import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow, forEachServer } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { AFTER_SERVER_IS_BACK, BEFORE_SERVER_GOES_DOWN } from '../shared-steps/rolling';
import { SNAPSHOT_PATIENCE, snapshotIsVerified, startSnapshot } from '../shared-steps/take-snapshot.steps';
import { recordServerUpgrade, startServerUpgrade, upgradedServerRuns } from './server-upgrade.steps';
import { everyServerIsUpgraded, putServerBack, recordUpgrade, recordVersionsLeft, serverIsBack } from './upgrade-end.steps';
import { confirmUpgrade, everyServerIsFit, hopsThroughServers } from './upgrade-plan.steps';

/** Followers first, the leader last and after it has handed over; stops at the first server that does not come back. */
export const upgradeCluster = defineWorkflow<Services>({
  operation: OPERATION_KINDS.upgradeCluster,
  pageOperatorAfter: minutes(60),
  steps: [
    action(confirmUpgrade, { retry: SERVER_RETRY }),
    condition(everyServerIsFit, {
      within: minutes(10),
      orFail:
        'Not every server was healthy and had room on its disk, so nothing was changed. The history of the cluster says more.',
    }),
    action(startSnapshot),
    condition(snapshotIsVerified, SNAPSHOT_PATIENCE),
    forEachServer(hopsThroughServers, [
      ...BEFORE_SERVER_GOES_DOWN,
      action(startServerUpgrade, { retry: SERVER_RETRY }),
      condition(upgradedServerRuns, { within: minutes(10), orFail: 'Consul did not start on a server with the new version.' }),
      AFTER_SERVER_IS_BACK,
      action(recordServerUpgrade, { retry: SERVER_RETRY }),
    ]),
    condition(everyServerIsUpgraded, { within: minutes(10), orFail: 'The cluster did not become healthy after the upgrade.' }),
    action(recordUpgrade, { retry: SERVER_RETRY }),
  ],
  onFailure: [
    action(putServerBack, { retry: { ...SERVER_RETRY, within: minutes(2) } }),
    condition(serverIsBack, {
      within: minutes(5),
      orFail: 'The server that was put back did not become healthy.',
      skippable: 'It only looks; which version each server runs is asked and written down by the next step.',
    }),
    action(recordVersionsLeft, { retry: SERVER_RETRY }),
  ],
});
