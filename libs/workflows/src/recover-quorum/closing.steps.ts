import { recordClusterEvent } from '@managed-consul/clusters';
import { done } from '@managed-consul/workflow-engine';
import { clusterIsReady } from '../create-cluster/readiness.steps';
import type { Step } from '../services';
import { recoversFrom } from './recovery-source';

/** Done when all servers vote, are healthy, and take writes. */
export async function recoveredClusterIsReady(step: Step) {
  return clusterIsReady(step);
}

const TOLD = {
  survivors: 'Writes that only lost servers had are gone; everything that a server which is left had is there.',
  snapshot:
    'Everything since the snapshot is gone. Tokens that were revoked after it may be valid again, because no server could be asked: ' +
    'look through them.',
};

/** What the customer must know about what is lost. */
export async function recordRecovery(step: Step) {
  const { cluster, operation } = step;
  const message = TOLD[recoversFrom(step)];
  return done(undefined, async (tx) => {
    await recordClusterEvent(tx, { clusterId: cluster.id, operationId: operation.id, type: 'QuorumRecoveryTold', message });
  });
}
