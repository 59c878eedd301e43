import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, defineWorkflow } from '@managed-consul/workflow-engine';
import { confirmRestoreIsAllowed } from '../restore-cluster/rehearsal.steps';
import { REHEARSAL } from '../restore-cluster/restore-entries';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { recordRestorePreview } from './preview.steps';

/** What a restore would do, found by doing it beside the cluster. Touches nothing. */
export const previewRestore = defineWorkflow<Services>({
  operation: OPERATION_KINDS.previewRestore,
  pageOperatorAfter: minutes(75),
  steps: [action(confirmRestoreIsAllowed), ...REHEARSAL, action(recordRestorePreview, { retry: SERVER_RETRY })],
});
