import type { ResourceFacts } from '@managed-consul/azure';
import { minutes } from '@managed-consul/config';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { REMOVAL_ORDER, resourcesOf, type RemovalPart } from '../shared-steps/cluster-resources';
import { azureLook } from '../shared-steps/delays';
import { placeOf } from '../shared-steps/place';
import { unlessVanished } from '../shared-steps/vanished-application';
import { confirmPlaceMayBeTouched } from './confirm-place.steps';

/** After this long Azure is asked again: it may have agreed and failed later, when something still used the resource. */
const ASK_AGAIN_AFTER = minutes(1);

/** What is left of a part in Azure: nothing, once the group went with its managed application. */
async function findLeft(step: Step, part: RemovalPart): Promise<ResourceFacts[]> {
  const left = await unlessVanished(step, () => resourcesOf(step), []);
  return left.filter(REMOVAL_ORDER[part]);
}

async function startRemoving(step: Step, part: RemovalPart): Promise<void> {
  if (!step.outputOf(confirmPlaceMayBeTouched).groupExists) return;
  const { resources } = placeOf(step).subscription;
  const left = await findLeft(step, part);
  await Promise.all(left.map((resource) => unlessVanished(step, () => resources.startRemoval(resource, step.signal), undefined)));
}

async function lookFor(step: Step, part: RemovalPart, askedAt: string) {
  if (!step.outputOf(confirmPlaceMayBeTouched).groupExists) return done();
  const left = await findLeft(step, part);
  if (left.length === 0) return done();
  const now = step.clock.now();
  if (now.getTime() - new Date(askedAt).getTime() > ASK_AGAIN_AFTER) await startRemoving(step, part);
  return waitFor(`Azure is removing the cluster (${left.length} parts of this kind are left)`, azureLook(askedAt, now));
}

/** The machines go first: everything else is in use while they live. */
export async function startRemovingServers(step: Step) {
  await startRemoving(step, 'servers');
  return done({ askedAt: step.clock.now().toISOString() });
}

export async function serversAreGone(step: Step) {
  return lookFor(step, 'servers', step.outputOf(startRemovingServers).askedAt);
}

/** A load balancer has an address in the subnet, which Azure keeps while it stands. */
export async function startRemovingBalancers(step: Step) {
  await startRemoving(step, 'balancers');
  return done({ askedAt: step.clock.now().toISOString() });
}

export async function balancersAreGone(step: Step) {
  return lookFor(step, 'balancers', step.outputOf(startRemovingBalancers).askedAt);
}

/** Nothing is in the virtual network any more, and nobody writes to the storage account. */
export async function startRemovingNetwork(step: Step) {
  await startRemoving(step, 'network');
  return done({ askedAt: step.clock.now().toISOString() });
}

export async function networkIsGone(step: Step) {
  return lookFor(step, 'network', step.outputOf(startRemovingNetwork).askedAt);
}

/** The NAT gateway and the security group were held by the subnet. */
export async function startRemovingGateways(step: Step) {
  await startRemoving(step, 'gateways');
  return done({ askedAt: step.clock.now().toISOString() });
}

export async function gatewaysAreGone(step: Step) {
  return lookFor(step, 'gateways', step.outputOf(startRemovingGateways).askedAt);
}

/** Addresses and the identity, and whatever else carries the cluster's tag. */
export async function startRemovingTheRest(step: Step) {
  await startRemoving(step, 'everything');
  return done({ askedAt: step.clock.now().toISOString() });
}

export async function nothingIsLeft(step: Step) {
  return lookFor(step, 'everything', step.outputOf(startRemovingTheRest).askedAt);
}
