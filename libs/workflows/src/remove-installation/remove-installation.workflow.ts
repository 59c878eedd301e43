import { hours, minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { closeUsage, lastUsageIsSent, reopenUsage } from './last-usage.steps';
import {
  applicationIsGone,
  confirmApplicationGoes,
  everyClusterIsDeleted,
  recordRemovedInstallation,
  requestClusterDeletes,
} from './removal.steps';

/** A managed application is deleted: what it owes is told to Azure, its clusters go, then the installation. */
export const removeInstallation = defineWorkflow<Services>({
  operation: OPERATION_KINDS.removeInstallation,
  pageOperatorAfter: hours(3),
  steps: [
    action(confirmApplicationGoes),
    action(closeUsage),
    condition(lastUsageIsSent, { within: minutes(30), orFail: 'The last usage could not be sent to Azure.' }),
    condition(applicationIsGone, { within: hours(2), orFail: 'Azure did not finish deleting the managed application.' }),
    action(requestClusterDeletes),
    condition(everyClusterIsDeleted, { within: hours(2), orFail: 'A cluster of the deleted application could not be deleted.' }),
    action(recordRemovedInstallation),
  ],
  onFailure: [action(reopenUsage)],
});
