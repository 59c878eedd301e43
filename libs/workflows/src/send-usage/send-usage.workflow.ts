import { hours, minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { planUsageEvents, usageIsSent } from './send-usage.steps';

/** What the ledger holds is told to the Marketplace. */
export const sendUsage = defineWorkflow<Services>({
  operation: OPERATION_KINDS.sendUsage,
  pageOperatorAfter: hours(3),
  steps: [
    action(planUsageEvents),
    condition(usageIsSent, {
      within: minutes(50),
      orFail: 'Azure did not take all usage in time. What is left is sent with the next hour.',
    }),
  ],
});
