import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { confirmSnapshotIsThere, sealSnapshotLink } from './link.steps';

/** One signed address and the key, sealed until the customer has read them once. */
export const createSnapshotLink = defineWorkflow<Services>({
  operation: OPERATION_KINDS.createSnapshotLink,
  pageOperatorAfter: minutes(30),
  steps: [action(confirmSnapshotIsThere), action(sealSnapshotLink)],
});
