import { OPERATION_KINDS } from '@managed-consul/clusters';
import { minutes } from '@managed-consul/config';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { anotherServerLeads, noteLeader } from './leadership.steps';

/** Has the leader hand over to the fittest other server. */
export const transferLeadership = defineWorkflow<Services>({
  operation: OPERATION_KINDS.transferLeadership,
  pageOperatorAfter: minutes(30),
  steps: [
    action(noteLeader, { retry: SERVER_RETRY }),
    condition(anotherServerLeads, { within: minutes(2), orFail: 'No other server took over the lead in time.' }),
  ],
});
