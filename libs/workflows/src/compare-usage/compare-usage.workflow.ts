import { hours, seconds } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { compareWithAzure } from './compare-usage.steps';

/** What the Marketplace says that it has is compared with what it was told. */
export const compareUsage = defineWorkflow<Services>({
  operation: OPERATION_KINDS.compareUsage,
  pageOperatorAfter: hours(3),
  steps: [action(compareWithAzure, { retry: { maxDelay: seconds(60), within: hours(1) } })],
});
