import { OWNER_TAG } from '@managed-consul/azure';
import { requestCreateCluster, requestRegisterInstallation } from '@managed-consul/clusters';
import { driveToEnd, readOperation, type TrialOperation } from '@managed-consul/testing';
import { SAMPLE_REGION } from '../../infra/local/emulator-seed';
import { customersAzure } from './customers-azure';
import type { WorkflowWorld } from './workflow-world';

/** A group with an installation of its own: what goes wrong there touches no other. */
export interface FaultyPlace {
  readonly resourceGroup: string;
  readonly installationId: string;
}

/** Registers a resource group in which the service has its role. */
export async function openPlace(world: WorkflowWorld, resourceGroup: string): Promise<FaultyPlace> {
  const { requester } = world;
  await customersAzure(world.world).tagGroup(resourceGroup, { [OWNER_TAG]: requester.objectId });
  const { subscriptionId } = world.world.identities.customer;
  const wish = { requester, subscriptionId, resourceGroup, region: SAMPLE_REGION };
  const { installation, operation } = await world.database.prisma.$transaction((tx) => requestRegisterInstallation(tx, wish));
  const registered = await world.drive(operation.id);
  if (registered.state !== 'Succeeded') throw new Error(`The group could not be registered: ${JSON.stringify(registered)}`);
  return { resourceGroup, installationId: installation.id };
}

/** Asks for a cluster of one server: more call Azure no differently. */
export async function requestClusterIn(
  { database, requester }: WorkflowWorld,
  { installationId }: FaultyPlace,
): Promise<{ clusterId: string; operationId: string }> {
  const draft = { installationId, name: 'faulty', servers: 1, email: 'trial@example.com' };
  const { created } = await requestCreateCluster(database, { requester, draft });
  if (!created) throw new Error('A fresh cluster was answered as a repetition.');
  return { clusterId: created.cluster.id, operationId: created.operation.id };
}

/** What an operation met and what it tells of it. */
export interface MetFaults {
  readonly ended: TrialOperation;
  /** The calls that went wrong, in order of the alphabet; see `shapeOf`. */
  readonly calls: string[];
  readonly problems: Record<string, string>;
  /** What the customer was shown while the operation waited. */
  readonly sentences: readonly (string | null)[];
}

/** A call without what differs from cluster to cluster: `METHOD path`, the path from the resource group on. */
const shapeOf = (call: string): string =>
  call.replace(/\/subscriptions\/[^/]+\/resourcegroups\/[^/]+/i, '').replace(/consul-?[0-9a-f]{12}/g, 'cluster');

/** Half of what a fault of the kind `slow` takes. */
const SHORT_CALL = 1000;

/** The lifecycle as it is driven under a fault: one that makes calls slow must outlast the patience for a call. */
export const hostUnder = (world: WorkflowWorld, effect: Record<string, unknown>) =>
  effect['kind'] === 'slow' ? world.hostWithCallTimeout(SHORT_CALL) : world.host;

/** By step of an operation, why it was tried again the last time. */
export async function problemsOf({ database }: WorkflowWorld, operationId: string): Promise<Record<string, string>> {
  const steps = await database.prisma.operationStep.findMany({ where: { operationId } });
  return Object.fromEntries(steps.flatMap(({ name, lastProblem }) => (lastProblem === null ? [] : [[name, lastProblem]])));
}

/** What goes wrong at a place. */
export interface FaultAtPlace {
  effect: Record<string, unknown>;
  place: FaultyPlace;
  /** For what gets stuck: it is let go once the customer was shown such a sentence, however long that takes. */
  heldUntil?: RegExp;
}

/** Makes each call for the place go wrong once while an operation is carried to its end. */
export async function driveUnderFault(
  world: WorkflowWorld,
  { effect, place, heldUntil }: FaultAtPlace,
  operationId: string,
): Promise<MetFaults> {
  const sentences = new Set<string | null>();
  const met = new Set<string>();
  const path = `/resourcegroups/${place.resourceGroup}(/|$)`;
  const begin = () => world.addFault({ path, oncePerCall: true, effect });
  const end = async (fault: string) => {
    for (const call of await world.endFault(fault)) met.add(shapeOf(call));
  };
  let fault = await begin();
  const pass = async (length: number) => {
    const { waitingFor } = await readOperation(world.database, operationId);
    sentences.add(waitingFor);
    if (waitingFor !== null && heldUntil?.test(waitingFor)) {
      const held = fault;
      // First, so that no call comes through between the two.
      fault = await begin();
      await end(held);
    }
    await world.time.pass(length);
  };
  const ended = await driveToEnd({ ...world, host: hostUnder(world, effect), time: { ...world.time, pass } }, operationId);
  await end(fault);
  return { ended, calls: [...met].sort(), problems: await problemsOf(world, operationId), sentences: [...sentences] };
}
