import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { chooseServerForDrill, confirmDrillPassed, drillHasEnded } from './drill.steps';

/** A snapshot is worth what a restore of it gives: so one is done, where it touches nothing. */
export const drillSnapshot = defineWorkflow<Services>({
  operation: OPERATION_KINDS.drillSnapshot,
  pageOperatorAfter: minutes(60),
  steps: [
    action(chooseServerForDrill, { retry: SERVER_RETRY }),
    condition(drillHasEnded, { within: minutes(45), orFail: 'The snapshot could not be restored aside and read in time.' }),
    action(confirmDrillPassed),
  ],
});
