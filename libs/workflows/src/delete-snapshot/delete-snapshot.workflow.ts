import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { emptyStorageIsGone, destroyContentKey, removeStoredSnapshot, startRemovingEmptyStorage } from './removal.steps';

/** The bytes, then the key that they could be read with; with the last snapshot of a cluster that is gone, its storage too. */
export const deleteSnapshot = defineWorkflow<Services>({
  operation: OPERATION_KINDS.deleteSnapshot,
  pageOperatorAfter: minutes(60),
  steps: [
    action(removeStoredSnapshot),
    action(destroyContentKey),
    action(startRemovingEmptyStorage),
    condition(emptyStorageIsGone, { within: minutes(30), orFail: 'Azure did not remove the storage that held the snapshots.' }),
  ],
});
