import { OPERATION_KINDS } from '@managed-consul/clusters';
import { minutes } from '@managed-consul/config';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import { leaderIsElected } from '../create-cluster/readiness.steps';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import {
  confirmClusterCanBeResumed,
  everyAgentIsBack,
  everyMachineRuns,
  everyServerRunsAgain,
  recordResumedCluster,
  renewServerCertificates,
  resumedClusterIsReady,
  startMachines,
  startServersAgain,
} from './resume.steps';

/** Machines, agents, Consul, leader: as far as a suspension came, and back. */
export const resumeCluster = defineWorkflow<Services>({
  operation: OPERATION_KINDS.resumeCluster,
  pageOperatorAfter: minutes(45),
  steps: [
    action(confirmClusterCanBeResumed),
    action(startMachines),
    condition(everyMachineRuns, { within: minutes(20), orFail: 'Azure did not start every machine.' }),
    condition(everyAgentIsBack, {
      within: minutes(20),
      orFail: 'A server did not report to the service. Check that its network lets it reach the service on port 443.',
    }),
    action(renewServerCertificates, { retry: SERVER_RETRY }),
    action(startServersAgain, { retry: SERVER_RETRY }),
    condition(everyServerRunsAgain, { within: minutes(10), orFail: 'Consul did not start on every server.' }),
    condition(leaderIsElected, { within: minutes(5), orFail: 'The servers did not agree on a leader.' }),
    condition(resumedClusterIsReady, { within: minutes(5), orFail: 'The cluster did not become healthy.' }),
    action(recordResumedCluster),
  ],
});
