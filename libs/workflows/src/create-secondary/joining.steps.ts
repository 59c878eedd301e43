import { recordClusterEvent } from '@managed-consul/clusters';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { consulOnLeader } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';
import { requirePrimary } from './primary.steps';

/** Done when each datacenter's leader lists the other, and tokens are being copied from the primary one. */
export async function datacentersSeeEachOther(step: Step) {
  const { cluster, agents, secrets, signal } = step;
  const primary = await requirePrimary(step);
  const [here, there] = await Promise.all([consulOnLeader(step), consulOnLeader({ agents, secrets, signal, cluster: primary })]);
  const [seenHere, seenThere, copying] = await Promise.all([
    here.datacenters(),
    there.datacenters(),
    here.accessControl.replication(),
  ]);
  if (!seenHere.includes(primary.datacenter)) return waitFor('The cluster is looking for its primary datacenter', SERVER_LOOK);
  if (!seenThere.includes(cluster.datacenter)) return waitFor('The primary datacenter is looking for the cluster', SERVER_LOOK);
  const copies = copying.Running && copying.SourceDatacenter === primary.datacenter && copying.ReplicatedTokenIndex > 0;
  return copies ? done() : waitFor('The cluster is copying the tokens of its primary datacenter', SERVER_LOOK);
}

/** From here on both histories tell that they belong together. */
export async function recordSecondary({ cluster, clock, operation }: Step) {
  return done(undefined, async (tx) => {
    const member = await tx.federationMember.update({
      where: { clusterId: cluster.id },
      data: { joinedAt: clock.now() },
    });
    const message = `Datacenter ${cluster.datacenter} (cluster ${cluster.name}) has joined as a secondary.`;
    const event = { clusterId: member.primaryClusterId, operationId: operation.id, type: 'SecondaryJoined', message };
    await recordClusterEvent(tx, event);
  });
}
