import { setTimeout as delay } from 'node:timers/promises';
import { minutes } from '@managed-consul/config';
import { driveToEnd, FakeClock, fakeTime, until, type TrialTime } from '@managed-consul/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { driveUnderFault, hostUnder, openPlace, problemsOf, requestClusterIn, type FaultyPlace } from '../support/azure-faults';
import { SPARE_GROUPS } from '../support/local-cloud';
import { verifyDeletedCluster, verifyReadyCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

/** Every call to Resource Manager that the way of a cluster takes. One that is missing here fails the tests below. */
const CREATE_CALLS = [
  'GET ',
  'GET /providers/Microsoft.Compute/virtualMachineScaleSets/cluster-servers/networkInterfaces',
  'GET /providers/Microsoft.Compute/virtualMachineScaleSets/cluster-servers/virtualMachines',
  'GET /providers/Microsoft.Network/loadBalancers/cluster-lb',
  'GET /providers/Microsoft.Resources/deployments/cluster',
  'PUT /providers/Microsoft.Resources/deployments/cluster',
];
const REMOVED = [
  'Microsoft.Compute/virtualMachineScaleSets/cluster-servers',
  'Microsoft.ManagedIdentity/userAssignedIdentities/cluster-identity',
  'Microsoft.Network/loadBalancers/cluster-lb',
  'Microsoft.Network/natGateways/cluster-nat',
  'Microsoft.Network/networkSecurityGroups/cluster-nsg',
  'Microsoft.Network/publicIPAddresses/cluster-nat-ip',
  'Microsoft.Network/virtualNetworks/cluster-vnet',
  'Microsoft.Storage/storageAccounts/cluster',
];
/** Looked for as well, although this cluster has none. */
const ONLY_IF_PUBLIC = ['Microsoft.Network/loadBalancers/cluster-public-lb', 'Microsoft.Network/publicIPAddresses/cluster-lb-ip'];
const DELETE_CALLS = [
  'GET ',
  'GET /resources',
  'GET /providers/Microsoft.Resources/deployments/cluster',
  'DELETE /providers/Microsoft.Resources/deployments/cluster',
  ...REMOVED.flatMap((resource) => [`GET /providers/${resource}`, `DELETE /providers/${resource}`]),
  ...ONLY_IF_PUBLIC.map((resource) => `GET /providers/${resource}`),
];
/** Only while Azure still deploys when somebody looks. */
const PROGRESS_CALL = 'GET /deployments/cluster/operations';

/** What Azure agrees to at once and does later, in order of the alphabet. */
const LONG = [
  'Microsoft.Compute/virtualMachineScaleSets/cluster-servers',
  'Microsoft.Network/loadBalancers/cluster-lb',
  'Microsoft.Network/natGateways/cluster-nat',
  'Microsoft.Network/networkSecurityGroups/cluster-nsg',
  'Microsoft.Network/publicIPAddresses/cluster-nat-ip',
  'Microsoft.Network/virtualNetworks/cluster-vnet',
  'Microsoft.Resources/deployments/cluster',
];

const CREATE_STEPS = ['confirmClusterCanBeCreated', 'startDeployment', 'everyServerHasAnAddress', 'recordEndpoints'];
const DELETE_STEPS = [
  'confirmPlaceMayBeTouched',
  'stopDeployment',
  'decideAboutSnapshots',
  'startRemovingServers',
  'startRemovingBalancers',
  'startRemovingNetwork',
  'startRemovingGateways',
  'startRemovingTheRest',
  'forgetDeployment',
];

const FAULTS: [string, Record<string, unknown>, RegExp][] = [
  ['throttled', { kind: 'answer', status: 429, code: 'TooManyRequests', retryAfterSeconds: 1 }, /: 429 TooManyRequests$/],
  [
    'answered by a fault inside Azure',
    { kind: 'answer', status: 500, code: 'InternalServerError' },
    /: 500 InternalServerError$/,
  ],
  ['refused for want of capacity', { kind: 'answer', status: 503, code: 'ServerBusy' }, /: 503 ServerBusy$/],
  ['cut off after its effect', { kind: 'lostResponse' }, /: the connection broke \(ECONNRESET\)$/],
  ['answered too late', { kind: 'slow', milliseconds: 2000 }, /: there was no answer in time$/],
];

const STUCK = 'stuck for a while';
const STUCK_FOR_EVER = 'stuck for ever';

let world: WorkflowWorld;
let places: Map<string, FaultyPlace>;
let outside: string;

const placeFor = (name: string): FaultyPlace => {
  const place = places.get(name);
  if (!place) throw new Error(`There is no place for ${name}.`);
  return place;
};

beforeAll(async () => {
  world = await openWorkflowWorld();
  const names = [...FAULTS.map(([name]) => name), STUCK, STUCK_FOR_EVER];
  const opened = names.map(async (name, index) => [name, await openPlace(world, SPARE_GROUPS[index] ?? '')] as const);
  places = new Map(await Promise.all(opened));
  // Harms nobody and hears of every call that is not for a resource group.
  const path = '^/(subscriptions/[^/]+(?!/resourcegroups/)(/.*)?|providers(/.*)?|subscriptions|tenants)$';
  outside = await world.addFault({ path, oncePerCall: true, effect: { kind: 'slow', milliseconds: 1 } });
});
afterAll(() => world.stop());

const succeeded = { errorMessage: null, state: 'Succeeded' };

/** What a create and a delete call only while Azure still deploys: the delete stops that first. */
async function verifyOvertakenCreate(place: FaultyPlace, effect: Record<string, unknown>, cause: RegExp): Promise<void> {
  const { resourceGroup } = place;
  const path = `/resourcegroups/${resourceGroup}/`;
  const stuck = await world.addFault({
    method: 'PUT',
    path: `${path}.*/virtualMachineScaleSets/`,
    effect: { kind: 'stuckOperation' },
  });
  const fault = await world.addFault({ path: `${path}.*/(operations|cancel)$`, oncePerCall: true, effect });
  const host = hostUnder(world, effect);
  const { clusterId, operationId } = await requestClusterIn(world, place);
  const create = driveToEnd({ ...world, host }, operationId);
  const told = async () => (await problemsOf(world, operationId))['deploymentIsFinished'];
  const because = 'the create has met the fault when it asked how far Azure is';
  expect(await until(told, { within: minutes(2), because })).toMatch(cause);
  const removal = await world.requestDelete(clusterId);
  expect(await create).toMatchObject({ state: 'Canceled' });
  expect(await driveToEnd({ ...world, host }, removal)).toMatchObject(succeeded);
  expect(await problemsOf(world, removal)).toMatchObject({ stopDeployment: expect.stringMatching(cause) });
  expect(await world.endFault(fault)).toEqual([expect.stringMatching(/\/operations$/), expect.stringMatching(/\/cancel$/)]);
  await world.endFault(stuck);
  await verifyDeletedCluster(world, clusterId);
}

/** Time that passes at once as far as the workflow sees, and slowly enough for Azure to do what it is not stuck in. */
function hurriedTime(): TrialTime {
  const clock = new FakeClock(new Date());
  const pass = async (length: number) => {
    await delay(Math.min(length, 50));
    clock.advance(length);
  };
  return { ...fakeTime(clock), pass };
}

describe('a create and a delete', () => {
  it.concurrent('fail with what they waited for when Azure stays stuck, and a later delete leaves nothing', async () => {
    const { resourceGroup } = placeFor(STUCK_FOR_EVER);
    const stick = (method: string, resource: string) =>
      world.addFault({ method, path: `/${resourceGroup}/.*/${resource}/`, effect: { kind: 'stuckOperation' } });
    const drive = (operationId: string) => driveToEnd({ ...world, time: hurriedTime() }, operationId);

    const making = await stick('PUT', 'virtualMachineScaleSets');
    const { clusterId, operationId } = await requestClusterIn(world, placeFor(STUCK_FOR_EVER));
    const create = await drive(operationId);
    const notMade = 'Azure did not finish making the machines and the network.';
    expect(create).toMatchObject({ errorMessage: notMade, errorCode: 'WaitTimedOut', errorStep: 'deploymentIsFinished' });

    const removing = await stick('DELETE', 'virtualNetworks');
    const removal = await drive(await world.requestDelete(clusterId));
    const notRemoved = 'Azure did not remove the network and the storage.';
    expect(removal).toMatchObject({ errorMessage: notRemoved, errorCode: 'WaitTimedOut', errorStep: 'networkIsGone' });

    await Promise.all([making, removing].map((fault) => world.endFault(fault)));
    expect(await world.drive(await world.requestDelete(clusterId))).toMatchObject(succeeded);
    await verifyDeletedCluster(world, clusterId);
  });

  it.concurrent.each(FAULTS)('succeed when every call is once %s, and their steps tell of it', async (name, effect, cause) => {
    const place = placeFor(name);
    const { clusterId, operationId } = await requestClusterIn(world, place);
    const create = await driveUnderFault(world, { effect, place }, operationId);
    expect(create.ended).toMatchObject(succeeded);
    expect(create.calls.filter((call) => call !== PROGRESS_CALL)).toEqual([...CREATE_CALLS].sort());
    expect(create.problems).toMatchObject(Object.fromEntries(CREATE_STEPS.map((step) => [step, expect.stringMatching(cause)])));
    await verifyReadyCluster(world, clusterId);
    const removal = await driveUnderFault(world, { effect, place }, await world.requestDelete(clusterId));
    expect(removal.ended).toMatchObject(succeeded);
    expect(removal.calls).toEqual([...DELETE_CALLS].sort());
    expect(removal.problems).toMatchObject(Object.fromEntries(DELETE_STEPS.map((step) => [step, expect.stringMatching(cause)])));
    await verifyDeletedCluster(world, clusterId);
    await verifyOvertakenCreate(place, effect, cause);
  });

  it.concurrent('succeed when Azure gets stuck for a while in everything that it does, and say what they wait for', async () => {
    const place = placeFor(STUCK);
    const stuck = { place, effect: { kind: 'stuckOperation' }, heldUntil: /^Azure is (making|removing) the/ };
    const { clusterId, operationId } = await requestClusterIn(world, place);
    const create = await driveUnderFault(world, stuck, operationId);
    expect(create.ended).toMatchObject(succeeded);
    expect(create.calls).toEqual(LONG.map((resource) => `PUT /providers/${resource}`));
    expect(create.sentences).toContainEqual(expect.stringMatching(/^Azure is making the machines and the network \(\d parts/));
    await verifyReadyCluster(world, clusterId);
    const removal = await driveUnderFault(world, stuck, await world.requestDelete(clusterId));
    expect(removal.ended).toMatchObject(succeeded);
    expect(removal.calls).toEqual(LONG.map((resource) => `DELETE /providers/${resource}`));
    expect(removal.sentences).toContainEqual(expect.stringMatching(/^Azure is removing the cluster \(\d parts/));
    expect([create.problems, removal.problems]).toEqual([{}, {}]);
    await verifyDeletedCluster(world, clusterId);
  });

  it('call nothing of Azure but what is in their resource group', async () => {
    expect(await world.endFault(outside)).toEqual([]);
  });
});
