import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { snapshotIsVerified, startSnapshot } from '../shared-steps/take-snapshot.steps';
import { recordRestore } from './closing.steps';
import { confirmRestoreIsAllowed } from './rehearsal.steps';
import { revokeReturnedTokensAfterFailure } from './repair.steps';
import { REAPPLY, REHEARSAL, REPAIR, RESTORE, RESTORE_HAS_STOPPED } from './restore-entries';
import { recordTokensBefore, revokedTokensAreGone, revokeReturnedTokens } from './tokens.steps';

/** Back to a snapshot, proved before anything is touched. What was revoked since stays revoked. */
export const restoreCluster = defineWorkflow<Services>({
  operation: OPERATION_KINDS.restoreCluster,
  pageOperatorAfter: minutes(90),
  steps: [
    action(confirmRestoreIsAllowed),
    ...REHEARSAL,
    action(startSnapshot, { retry: SERVER_RETRY }),
    condition(snapshotIsVerified, {
      within: minutes(30),
      orFail: 'The safety snapshot could not be taken, so nothing was restored.',
    }),
    action(recordTokensBefore, { retry: SERVER_RETRY }),
    ...RESTORE,
    action(revokeReturnedTokens, { retry: SERVER_RETRY }),
    condition(revokedTokensAreGone, { within: minutes(5), orFail: 'A server still knew a token that was revoked.' }),
    ...REAPPLY,
    action(recordRestore, { retry: SERVER_RETRY }),
  ],
  onFailure: [
    RESTORE_HAS_STOPPED,
    action(revokeReturnedTokensAfterFailure, { retry: { ...SERVER_RETRY, within: minutes(5) } }),
    ...REPAIR,
  ],
});
