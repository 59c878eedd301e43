import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import { createCluster } from '../create-cluster/create-cluster.workflow';
import { REAPPLY, REHEARSAL, REPAIR, RESTORE, RESTORE_HAS_STOPPED } from '../restore-cluster/restore-entries';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import {
  confirmSnapshotCanBeCloned,
  readRevokedTokens,
  recordClone,
  revokeTokensOfSource,
  revokeTokensOfSourceAfterFailure,
  tokensOfSourceAreGone,
} from './clone.steps';

/** A new cluster that begins with what a snapshot holds. From where the new cluster is ready it is a restore. */
export const cloneCluster = defineWorkflow<Services>({
  operation: OPERATION_KINDS.cloneCluster,
  pageOperatorAfter: minutes(90),
  steps: [
    action(confirmSnapshotCanBeCloned),
    ...createCluster.steps,
    ...REHEARSAL,
    action(readRevokedTokens, { retry: SERVER_RETRY }),
    ...RESTORE,
    action(revokeTokensOfSource, { retry: SERVER_RETRY }),
    condition(tokensOfSourceAreGone, { within: minutes(5), orFail: 'A server still knew a token that was revoked.' }),
    ...REAPPLY,
    action(recordClone),
  ],
  onFailure: [
    RESTORE_HAS_STOPPED,
    action(revokeTokensOfSourceAfterFailure, { retry: { ...SERVER_RETRY, within: minutes(5) } }),
    ...REPAIR,
  ],
});
