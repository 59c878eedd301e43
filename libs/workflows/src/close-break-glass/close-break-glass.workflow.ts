import { OPERATION_KINDS } from '@managed-consul/clusters';
import { hours } from '@managed-consul/config';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { breakGlassTokenIsRemoved, everyServerRefusesBreakGlassToken, recordClosedAccess } from './close-break-glass.steps';

/** Takes the token of an operator away and proves it. */
export const closeBreakGlass = defineWorkflow<Services>({
  operation: OPERATION_KINDS.closeBreakGlass,
  pageOperatorAfter: hours(1),
  steps: [
    condition(breakGlassTokenIsRemoved, {
      within: hours(31 * 24),
      orFail: 'The cluster had no leader that could remove the token of an operator. Consul itself has ended it at its time.',
    }),
    condition(everyServerRefusesBreakGlassToken, {
      within: hours(1),
      orFail: 'A server could not be seen to refuse the token of an operator. It is tried again.',
    }),
    action(recordClosedAccess),
  ],
});
