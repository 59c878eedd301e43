import { OPERATION_KINDS } from '@managed-consul/clusters';
import { minutes } from '@managed-consul/config';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import {
  confirmClusterCanBeSuspended,
  everyMachineIsDeallocated,
  everyServerHasStopped,
  recordSuspendedCluster,
  startDeallocating,
  stopServers,
} from './suspend.steps';

/** Consul stops cleanly, then the machines. Whatever fails: a resume starts all of it again. */
export const suspendCluster = defineWorkflow<Services>({
  operation: OPERATION_KINDS.suspendCluster,
  pageOperatorAfter: minutes(45),
  steps: [
    action(confirmClusterCanBeSuspended),
    action(stopServers, { retry: SERVER_RETRY }),
    condition(everyServerHasStopped, { within: minutes(5), orFail: 'Consul did not stop on every server.' }),
    action(startDeallocating),
    condition(everyMachineIsDeallocated, { within: minutes(20), orFail: 'Azure did not stop every machine.' }),
    action(recordSuspendedCluster),
  ],
});
