import { recordClusterEvent } from '@managed-consul/clusters';
import { TerminalError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { SERVER_LOOK } from '../shared-steps/delays';
import { requireSafeToTakeDown } from '../shared-steps/rolling';
import { desiredStateOf, presentWish, type ServerWish } from '../shared-steps/server-desired-state';
import { serverOfItem } from '../shared-steps/server-of-item';
import { isAsAsked } from '../shared-steps/server-runs';
import { hopOf, versionRunBy } from './upgrade-plan.steps';

/** The server as it is, with the program of this round. */
export function upgradedWish(step: Step, item: string): ServerWish {
  return { ...presentWish(step, serverOfItem({ cluster: step.cluster, item })), consulVersion: hopOf(item) };
}

/** Hands the server the new program in place: same disk, same node, one restart. Nothing is taken down unless that is safe now. */
export async function startServerUpgrade(step: Step) {
  const { cluster, agents, item, signal } = step;
  const server = serverOfItem(step);
  const [agent, desired] = await Promise.all([
    agents.find(cluster.id, server.vmId),
    desiredStateOf(step, upgradedWish(step, item)),
  ]);
  const { desiredHash } = await agent.state(signal);
  if (desiredHash !== desired.hash) {
    await requireSafeToTakeDown(step, server);
    await agent.applyDesiredState(desired, signal);
  }
  return done({ hash: desired.hash });
}

/** Done when the agent says that the new program runs. */
export async function upgradedServerRuns(step: Step) {
  const { item, outputOf } = step;
  const wish = upgradedWish(step, item);
  const safe = () => requireSafeToTakeDown(step, wish.server);
  return (await isAsAsked(step, wish, outputOf(startServerUpgrade).hash, safe))
    ? done()
    : waitFor(`${wish.server.name} is starting Consul ${wish.consulVersion}`, SERVER_LOOK);
}

/** From here on the record says what the server runs, because Consul said so. */
export async function recordServerUpgrade(step: Step) {
  const { cluster, operation, outputOf, item } = step;
  const server = serverOfItem(step);
  const version = await versionRunBy(step, server);
  if (version !== hopOf(item)) {
    const sentence = `${server.name} says that it runs Consul ${version}, though ${hopOf(item)} was installed. This is a fault of the service; name the operation to support.`;
    throw new TerminalError('ConsulVersionMismatch', sentence);
  }
  const data = { consulVersion: version, appliedHash: outputOf(startServerUpgrade).hash };
  return done({ version }, async (tx) => {
    await tx.server.update({ where: { id: server.id }, data });
    const message = `${server.name} runs Consul ${version}.`;
    await recordClusterEvent(tx, { clusterId: cluster.id, operationId: operation.id, type: 'ServerUpgraded', message });
  });
}
