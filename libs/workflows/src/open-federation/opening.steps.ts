import { TerminalError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { SERVER_LOOK } from '../shared-steps/delays';
import { inOrderFollowersFirst, requireSafeToTakeDown } from '../shared-steps/rolling';
import { desiredStateOf, presentWish, type ServerWish } from '../shared-steps/server-desired-state';
import { serverOfItem } from '../shared-steps/server-of-item';
import { isAsAsked } from '../shared-steps/server-runs';

export async function confirmClusterCanBePrimary({ cluster }: Step) {
  if (cluster.powerState === 'Running' && cluster.serverRecords.length > 0 && cluster.federation) return done();
  throw new TerminalError('ClusterNotReady', 'The cluster does not run, so it cannot be opened for other datacenters.');
}

/** Plan of `forEachServer`: those that do not listen yet, the leader last. */
export async function serversToOpen(step: Step): Promise<string[]> {
  return (await inOrderFollowersFirst(step)).filter(({ wanOpen }) => !wanOpen).map(({ vmId }) => vmId);
}

const openWish = (step: Step): ServerWish => ({ ...presentWish(step, serverOfItem(step)), opensWan: true });

/** One restart with the port between datacenters open. Nothing is taken down unless that is safe now. */
export async function openServer(step: Step) {
  const { cluster, agents, signal } = step;
  const wish = openWish(step);
  const [agent, desired] = await Promise.all([agents.find(cluster.id, wish.server.vmId), desiredStateOf(step, wish)]);
  const { desiredHash } = await agent.state(signal);
  if (desiredHash !== desired.hash) {
    await requireSafeToTakeDown(step, wish.server);
    await agent.applyDesiredState(desired, signal);
  }
  return done({ hash: desired.hash });
}

export async function openServerRuns(step: Step) {
  const wish = openWish(step);
  const safe = () => requireSafeToTakeDown(step, wish.server);
  return (await isAsAsked(step, wish, step.outputOf(openServer).hash, safe))
    ? done()
    : waitFor(`${wish.server.name} is starting again`, SERVER_LOOK);
}

/** An opening that fails later goes on behind this server. */
export async function recordOpenServer(step: Step) {
  const { id } = serverOfItem(step);
  const data = { wanOpen: true, appliedHash: step.outputOf(openServer).hash };
  return done(undefined, async (tx) => {
    await tx.server.update({ where: { id }, data });
  });
}

/** From here on every server of the cluster listens for other datacenters, also those that will be added. */
export async function recordOpenFederation({ cluster, clock }: Step) {
  return done(undefined, async (tx) => {
    await tx.federationMember.update({ where: { clusterId: cluster.id }, data: { openedAt: clock.now() } });
  });
}
