import { breakGlassPurpose, secretOwnerOf } from '@managed-consul/clusters';
import { minutes, seconds } from '@managed-consul/config';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { accessOf } from '../open-break-glass/open-break-glass.steps';
import type { Step } from '../services';
import { consulOn, consulOnEveryServer, findLeader, managementToken } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';

/** With the servers goes every token. */
const isGone = ({ cluster }: Step): boolean => cluster.provisioningState === 'Deleted' || cluster.serverRecords.length === 0;

/** Done when the leader has removed the token. A cluster that sleeps, or has no leader, is waited for: the token ends by itself meanwhile. */
export async function breakGlassTokenIsRemoved(step: Step) {
  if (isGone(step)) return done();
  const { accessorId } = await accessOf(step);
  if (step.cluster.powerState === 'Suspended') return waitFor('The cluster is suspended', minutes(5));
  const leader = await findLeader(step);
  if (!leader) return waitFor('The cluster has no leader', seconds(10));
  await (await consulOn(step, leader, await managementToken(step))).accessControl.removeToken(accessorId);
  return done();
}

/** Done when every server has refused the secret itself, and knows no such accessor. */
export async function everyServerRefusesBreakGlassToken(step: Step) {
  if (isGone(step)) return done();
  const { id, accessorId } = await accessOf(step);
  const secret = await step.secrets.find(secretOwnerOf(step.cluster.id), breakGlassPurpose(id));
  const known = await Promise.all(
    (await consulOnEveryServer(step)).map(async ({ server, consul }) => {
      if (secret && (await (await consulOn(step, server, secret)).accessControl.isAccepted())) return true;
      return (await consul.accessControl.findToken(accessorId)) !== undefined;
    }),
  );
  return known.some(Boolean) ? waitFor('The servers are forgetting the token of an operator', SERVER_LOOK) : done();
}

/** From here on nobody has the token any more, not even the service. */
export async function recordClosedAccess(step: Step) {
  const { id } = await accessOf(step);
  const { secrets, cluster, clock } = step;
  return done(undefined, async (tx) => {
    const closed = { state: 'Closed', closedAt: clock.now(), sealedToken: null } as const;
    await tx.breakGlassAccess.updateMany({ where: { id, state: { in: ['Approved', 'Open'] } }, data: closed });
    await secrets.delete(secretOwnerOf(cluster.id), breakGlassPurpose(id), tx);
  });
}
