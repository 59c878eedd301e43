import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { SNAPSHOT_PATIENCE, snapshotIsVerified, startSnapshot } from '../shared-steps/take-snapshot.steps';
import { closeRecords, deploymentHasStopped, destroySecrets, forgetDeployment, stopDeployment } from './closing.steps';
import { confirmPlaceMayBeTouched } from './confirm-place.steps';
import { leaveFederation } from './federation.steps';
import {
  balancersAreGone,
  gatewaysAreGone,
  networkIsGone,
  nothingIsLeft,
  serversAreGone,
  startRemovingBalancers,
  startRemovingGateways,
  startRemovingNetwork,
  startRemovingServers,
  startRemovingTheRest,
} from './removal.steps';
import { decideAboutSnapshots, queueFinalSnapshot, snapshotWorkHasStopped } from './snapshots.steps';

/** From any state to nothing: half a deployment, dead agents, a group that is gone. What is gone already counts as removed. */
export const deleteCluster = defineWorkflow<Services>({
  operation: OPERATION_KINDS.deleteCluster,
  pageOperatorAfter: minutes(60),
  steps: [
    action(confirmPlaceMayBeTouched),
    action(stopDeployment),
    condition(deploymentHasStopped, { within: minutes(15), orFail: 'Azure did not stop making the cluster.' }),
    action(queueFinalSnapshot),
    action(startSnapshot, { retry: SERVER_RETRY }),
    condition(snapshotIsVerified, SNAPSHOT_PATIENCE),
    condition(snapshotWorkHasStopped, {
      within: minutes(45),
      orFail: 'What was being done with snapshots of the cluster did not end.',
    }),
    action(decideAboutSnapshots),
    action(startRemovingServers),
    condition(serversAreGone, { within: minutes(30), orFail: 'Azure did not remove the servers.' }),
    action(startRemovingBalancers),
    condition(balancersAreGone, { within: minutes(30), orFail: 'Azure did not remove the load balancers.' }),
    action(startRemovingNetwork),
    condition(networkIsGone, { within: minutes(30), orFail: 'Azure did not remove the network and the storage.' }),
    action(startRemovingGateways),
    condition(gatewaysAreGone, { within: minutes(30), orFail: 'Azure did not remove the gateway of the network.' }),
    action(startRemovingTheRest),
    condition(nothingIsLeft, { within: minutes(30), orFail: 'Azure did not remove everything that belongs to the cluster.' }),
    action(forgetDeployment, {
      skippable: 'Everything that the deployment made is gone; what is left is an entry in Azure’s own history.',
    }),
    action(leaveFederation, { retry: SERVER_RETRY }),
    action(destroySecrets),
    action(closeRecords),
  ],
});
