import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { seconds } from '@managed-consul/config';
import { until } from '@managed-consul/testing';
import type { VirtualMachineScaleSet } from '@azure/arm-compute';
import { EmulatedAzure } from './emulated-azure';
import { liveAzure, ONLY_EMULATED } from './live-azure';
import { clientsOf, GROUP, prepareGroup, SCALE_SET, type Clients } from './sample-scale-set';

describe.skipIf(liveAzure !== undefined)(`a client of Azure${ONLY_EMULATED}`, () => {
  const azure = new EmulatedAzure();
  let clients: Clients;
  let scaleSet: (capacity: number) => VirtualMachineScaleSet;
  let switchOff: (() => Promise<void>)[];

  const fault = async (...parameters: Parameters<EmulatedAzure['addFault']>): Promise<void> => {
    switchOff.push(await azure.addFault(...parameters));
  };

  const instances = async () => {
    const ids: string[] = [];
    for await (const { vmId } of clients.compute.virtualMachineScaleSetVMs.list(GROUP, SCALE_SET)) ids.push(vmId ?? '');
    return ids;
  };

  beforeAll(async () => {
    await azure.start();
    clients = clientsOf(azure);
    scaleSet = await prepareGroup(clients);
  });

  afterAll(() => azure.dispose());

  beforeEach(() => {
    switchOff = [];
  });

  afterEach(async () => {
    for (const off of switchOff) await off();
    await clients.compute.virtualMachineScaleSets.delete(GROUP, SCALE_SET);
  });

  it('is told to slow down and how long, and gets through when it does', async () => {
    await fault({ method: 'PUT', count: 2, effect: { kind: 'answer', status: 429, retryAfterSeconds: 0 } });
    await clients.compute.virtualMachineScaleSets.createOrUpdate(GROUP, SCALE_SET, scaleSet(1));
    expect(await instances()).toHaveLength(1);
  });

  it('gets through when Azure breaks and heals', async () => {
    await fault({ method: 'GET', path: 'virtualMachines$', count: 2, effect: { kind: 'answer', status: 500 } });
    await clients.compute.virtualMachineScaleSets.createOrUpdate(GROUP, SCALE_SET, scaleSet(1));
    expect(await instances()).toHaveLength(1);
  });

  it('can give up on an answer that takes too long, and finds afterwards what was done', async () => {
    await fault({ method: 'PUT', count: 1, effect: { kind: 'slow', milliseconds: 1500 } });
    const options = { abortSignal: AbortSignal.timeout(300) };
    const impatient = clients.compute.virtualMachineScaleSets.createOrUpdate(GROUP, SCALE_SET, scaleSet(1), options).submitted();
    await expect(impatient).rejects.toMatchObject({ name: 'AbortError' });
    await until(async () => (await instances()).length === 1, {
      within: seconds(20),
      because: 'the change was made all the same',
    });
  });

  it('may ask again when the answer was lost, and there is still one of everything', async () => {
    await fault({ method: 'PUT', count: 1, effect: { kind: 'lostResponse' } });
    const put = () => clients.compute.virtualMachineScaleSets.createOrUpdate(GROUP, SCALE_SET, scaleSet(2));
    // The client sends the request again by itself; while the first is being worked on, Azure says so with 409.
    await until(() => put().then(() => true), { within: seconds(20), because: 'a repeated PUT is accepted' });
    const made = await instances();
    await put();
    expect(made).toHaveLength(2);
    expect(await instances()).toEqual(made);
  });

  it('can delete what is stuck in the making', async () => {
    await fault({ method: 'PUT', path: SCALE_SET, effect: { kind: 'stuckOperation' } });
    await clients.compute.virtualMachineScaleSets.createOrUpdate(GROUP, SCALE_SET, scaleSet(2)).submitted();
    expect((await clients.compute.virtualMachineScaleSets.get(GROUP, SCALE_SET)).provisioningState).toBe('Creating');
    await clients.compute.virtualMachineScaleSets.delete(GROUP, SCALE_SET);
    await expect(clients.compute.virtualMachineScaleSets.get(GROUP, SCALE_SET)).rejects.toMatchObject({ statusCode: 404 });
    expect(azure.machineFolders()).toEqual([]);
  });
});
