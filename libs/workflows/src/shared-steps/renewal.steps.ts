/** What all rotations have in common: they begin on a whole cluster, and change one server after the other. */
import { TerminalError, TransientError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { SERVER_LOOK } from './delays';
import { desiredStateOf, presentWish } from './server-desired-state';
import { whatOthersLack, whatServerLacks } from './server-gates';
import { serverOfItem } from './server-of-item';
import { askOf, isAsAsked } from './server-runs';

/** Looked at again when the work begins: the cluster may have been suspended or deleted since the request. */
export async function confirmClusterCanBeRenewed({ cluster }: Step) {
  const { provisioningState, powerState, observedConsulVersion, serverRecords } = cluster;
  const isGoing = provisioningState === 'Deleting' || provisioningState === 'Deleted';
  if (isGoing || observedConsulVersion === null || serverRecords.length === 0) {
    throw new TerminalError('ClusterNotReady', `The cluster is ${provisioningState}, so there is nothing to renew.`);
  }
  if (powerState === 'Suspended') throw new TerminalError('ClusterSuspended', 'The cluster is suspended. Resume it first.');
  return done();
}

/** Done when all servers follow one leader, vote, are healthy and take writes: one that is away would miss what is new. */
export async function everyServerTakesPart(step: Step) {
  const lacks = await Promise.all(step.cluster.serverRecords.map((server) => whatServerLacks(step, server)));
  const lack = lacks.find((sentence) => sentence !== undefined);
  return lack === undefined ? done() : waitFor(lack, SERVER_LOOK);
}

/**
 * Tells the server of the item what is on record now. Its agent reloads Consul for it and restarts it only for what else has
 * changed since, so the others must be fit to carry the cluster: throws `TransientError` while they are not.
 */
export async function tellServer(step: Step) {
  const server = serverOfItem(step);
  const lack = await whatOthersLack(step, server);
  if (lack !== undefined) throw new TransientError(`${server.name} is not touched: ${lack}.`);
  await askOf(step, presentWish(step, server));
  return done();
}

/** Done when the server of the item is as it is on record, and a full member. */
export async function serverIsAsTold(step: Step) {
  const server = serverOfItem(step);
  const wish = presentWish(step, server);
  const { hash } = await desiredStateOf(step, wish);
  if (!(await isAsAsked(step, wish, hash))) return waitFor(`${server.name} is taking over what is new`, SERVER_LOOK);
  const lack = await whatServerLacks(step, server);
  if (lack !== undefined) return waitFor(lack, SERVER_LOOK);
  return done(undefined, async (tx) => {
    await tx.server.updateMany({ where: { id: server.id }, data: { appliedHash: hash } });
  });
}
