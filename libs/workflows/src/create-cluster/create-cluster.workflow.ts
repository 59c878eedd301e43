import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { confirmClusterCanBeCreated, ensureClusterSecrets, startDeployment, deploymentIsFinished } from './infrastructure.steps';
import { clusterIsReady, ensureServerTokens, leaderIsElected, openNames, recordReadyCluster } from './readiness.steps';
import { everyAgentIsConnected, everyServerHasAnAddress, recordEndpoints } from './machines.steps';
import { ensureServerCertificates, everyServerRuns, startServers, storeServerTokens } from './servers.steps';

/** From a recorded wish to a cluster that takes writes. A failure leaves everything for a look; delete cleans up. */
export const createCluster = defineWorkflow<Services>({
  operation: OPERATION_KINDS.createCluster,
  pageOperatorAfter: minutes(45),
  steps: [
    action(confirmClusterCanBeCreated),
    action(ensureClusterSecrets),
    action(startDeployment),
    condition(deploymentIsFinished, { within: minutes(30), orFail: 'Azure did not finish making the machines and the network.' }),
    condition(everyServerHasAnAddress, { within: minutes(10), orFail: 'Azure did not give every server an address.' }),
    action(recordEndpoints),
    condition(everyAgentIsConnected, {
      within: minutes(20),
      orFail: 'A server did not report to the service. Check that its network lets it reach the service on port 443.',
    }),
    action(ensureServerCertificates, { retry: SERVER_RETRY }),
    action(storeServerTokens),
    action(startServers, { retry: SERVER_RETRY }),
    condition(everyServerRuns, { within: minutes(10), orFail: 'Consul did not start on every server.' }),
    condition(leaderIsElected, { within: minutes(5), orFail: 'The servers did not agree on a leader.' }),
    action(ensureServerTokens, { retry: SERVER_RETRY }),
    action(openNames, { retry: SERVER_RETRY }),
    condition(clusterIsReady, { within: minutes(5), orFail: 'The cluster did not become healthy.' }),
    action(recordReadyCluster, { retry: SERVER_RETRY }),
  ],
});
