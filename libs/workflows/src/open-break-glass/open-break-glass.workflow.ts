import { OPERATION_KINDS } from '@managed-consul/clusters';
import { minutes } from '@managed-consul/config';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import {
  confirmAccessIsApproved,
  ensureBreakGlassToken,
  recordOpenAccess,
  serversAcceptBreakGlassToken,
} from './open-break-glass.steps';

/** A token of bounded rights and time for one operator, which only he can read. */
export const openBreakGlass = defineWorkflow<Services>({
  operation: OPERATION_KINDS.openBreakGlass,
  pageOperatorAfter: minutes(15),
  steps: [
    action(confirmAccessIsApproved),
    action(ensureBreakGlassToken, { retry: SERVER_RETRY }),
    condition(serversAcceptBreakGlassToken, { within: minutes(5), orFail: 'Most servers did not accept the token.' }),
    action(recordOpenAccess),
  ],
});
