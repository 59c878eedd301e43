import { minutes } from '@managed-consul/config';
import { OPERATION_KINDS } from '@managed-consul/clusters';
import { action, condition, defineWorkflow } from '@managed-consul/workflow-engine';
import { createCluster } from '../create-cluster/create-cluster.workflow';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { adoptSecretsOfPrimary, ensureTokensInPrimary, primaryIsOpen } from './primary.steps';
import { datacentersSeeEachOther, recordSecondary } from './joining.steps';

/** A new cluster that follows a primary datacenter: its secrets and tokens come from there, everything else is a create. */
export const createSecondary = defineWorkflow<Services>({
  operation: OPERATION_KINDS.createSecondary,
  pageOperatorAfter: minutes(60),
  steps: [
    condition(primaryIsOpen, { within: minutes(30), orFail: 'The primary datacenter was not opened for others.' }),
    action(adoptSecretsOfPrimary),
    action(ensureTokensInPrimary, { retry: SERVER_RETRY }),
    ...createCluster.steps,
    condition(datacentersSeeEachOther, {
      within: minutes(15),
      orFail:
        'The datacenters do not see each other. Check that the networks of both clusters are peered and let TCP 8300 and TCP and UDP 8302 through.',
    }),
    action(recordSecondary),
  ],
});
