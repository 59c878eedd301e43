import { minutes } from '@managed-consul/config';
import { action, condition, type StepEntry } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { chooseRehearsalServer, snapshotIsRehearsed } from './rehearsal.steps';
import { reapplySettingsAfterFailure, reissueServerTokensAfterFailure } from './repair.steps';
import {
  beginRestore,
  clusterTakesRestore,
  reapplyAutopilot,
  reapplyNames,
  reissueServerTokens,
  rememberAutopilot,
  registerServers,
  removeStaleNodes,
  restoredClusterIsReady,
  restoreHasStopped,
  serviceIsLetIn,
  snapshotIsRestored,
} from './restoring.steps';

/** Proves the snapshot before anything is touched, and tells what is in it. */
export const REHEARSAL: readonly StepEntry<Services>[] = [
  condition(clusterTakesRestore, {
    within: minutes(2),
    orFail: 'The cluster has no leader, so nothing can be restored into it. Recover its quorum first.',
  }),
  action(chooseRehearsalServer, { retry: SERVER_RETRY }),
  condition(snapshotIsRehearsed, { within: minutes(60), orFail: 'The snapshot could not be restored beside a server in time.' }),
];

/** Puts the snapshot in force; the service has its token back at the end. */
export const RESTORE: readonly StepEntry<Services>[] = [
  action(rememberAutopilot, { retry: SERVER_RETRY }),
  action(beginRestore, { retry: SERVER_RETRY }),
  condition(snapshotIsRestored, { within: minutes(60), orFail: 'Consul did not take over the snapshot in time.' }),
  condition(serviceIsLetIn, { within: minutes(10), orFail: 'The leader did not let the service in after the restore.' }),
];

/** Gives the cluster back what is its own and not the snapshot's, once revoked tokens are revoked again. */
export const REAPPLY: readonly StepEntry<Services>[] = [
  action(reissueServerTokens, { retry: SERVER_RETRY }),
  action(reapplyNames, { retry: SERVER_RETRY }),
  action(reapplyAutopilot, { retry: SERVER_RETRY }),
  action(removeStaleNodes, { retry: SERVER_RETRY }),
  action(registerServers, { retry: SERVER_RETRY }),
  condition(restoredClusterIsReady, { within: minutes(5), orFail: 'The cluster did not become healthy after the restore.' }),
];

/** After a failure: nothing may be repaired while the restore is still under way. */
export const RESTORE_HAS_STOPPED: StepEntry<Services> = condition(restoreHasStopped, {
  within: minutes(35),
  orFail: 'A restore may still be under way.',
});

/** What a restore that failed half-way is followed by, so that the next operation finds a cluster that it can work on. */
export const REPAIR: readonly StepEntry<Services>[] = [
  action(reissueServerTokensAfterFailure, { retry: { ...SERVER_RETRY, within: minutes(5) } }),
  action(reapplySettingsAfterFailure, { retry: { ...SERVER_RETRY, within: minutes(5) } }),
];
