import { ComputeManagementClient, type VirtualMachineScaleSet } from '@azure/arm-compute';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sample } from '../emulator.builder';
import { GROUP, startCompute, type ComputeUnderTest } from './compute.builder';

let under: ComputeUnderTest;

beforeAll(async () => {
  under = await startCompute();
});

afterAll(async () => {
  await fetch(`${under.emulator.endpoint}/_emulator/machines/shutdown`, { method: 'POST' });
  await under.emulator.dispose();
});

const put = (name: string, body: VirtualMachineScaleSet) =>
  under.compute.virtualMachineScaleSets.createOrUpdate(GROUP, name, body);

const collect = async <Item>(items: AsyncIterable<Item>): Promise<Item[]> => {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
};

const instancesOf = (name: string, options = {}) => collect(under.compute.virtualMachineScaleSetVMs.list(GROUP, name, options));

const idsOf = async (name: string) => (await instancesOf(name)).map(({ instanceId }) => instanceId);

interface MachineRow {
  vmId: string;
  name: string;
  address: string;
  power: string;
  pids: number[];
}

const machines = async (): Promise<MachineRow[]> => {
  const answer = await fetch(`${under.emulator.endpoint}/_emulator/machines`);
  return ((await answer.json()) as { value: MachineRow[] }).value;
};

describe('a scale set', () => {
  it('makes as many machines as its capacity says, spread over its zones, with addresses that the network shows', async () => {
    const made = await put('spread', under.scaleSet(3, '#cloud-config\n', { zones: ['1', '2'] }));
    expect(made).toMatchObject({
      provisioningState: 'Succeeded',
      sku: { name: 'Standard_D2s_v5', tier: 'Standard', capacity: 3 },
    });
    const instances = await instancesOf('spread');
    expect(instances.map(({ instanceId, name, zones }) => ({ instanceId, name, zones }))).toEqual([
      { instanceId: '0', name: 'spread_0', zones: ['1'] },
      { instanceId: '1', name: 'spread_1', zones: ['2'] },
      { instanceId: '2', name: 'spread_2', zones: ['1'] },
    ]);
    expect(instances[2]).toMatchObject({
      latestModelApplied: true,
      provisioningState: 'Succeeded',
      osProfile: { computerName: 'server000002' },
      storageProfile: { dataDisks: [{ lun: 0, diskSizeGB: 64 }] },
    });
    const cards = await collect(under.network.networkInterfaces.listVirtualMachineScaleSetNetworkInterfaces(GROUP, 'spread'));
    const addresses = cards.map((card) => card.ipConfigurations?.[0]?.privateIPAddress);
    const rows = await machines();
    expect(addresses).toEqual(instances.map(({ vmId }) => rows.find((row) => row.vmId === vmId)?.address));
    expect(new Set(addresses).size).toBe(3);
    expect(cards[1]?.virtualMachine?.id).toBe(instances[1]?.id);
    const card = await under.network.networkInterfaces.getVirtualMachineScaleSetNetworkInterface(GROUP, 'spread', '1', 'card');
    expect(card.ipConfigurations?.[0]).toMatchObject({ privateIPAddress: addresses[1], subnet: { id: under.subnetId } });
  });

  it('never shows custom data, and keeps it when a later PUT does not send it', async () => {
    const text = '#cloud-config\nwrite_files: [{path: /etc/kept, content: kept}]\n';
    await put('hidden', under.scaleSet(0, text));
    const { sku, ...read } = await under.compute.virtualMachineScaleSets.get(GROUP, 'hidden');
    expect(JSON.stringify(read)).not.toContain('customData');
    await put('hidden', { ...read, sku: { ...sku, capacity: 1 } });
    const console = await under.compute.virtualMachineScaleSetVMs.retrieveBootDiagnosticsData(GROUP, 'hidden', '0');
    expect(await (await fetch(console.serialConsoleLogBlobUri ?? '')).text()).toContain('Wrote /etc/kept');
  });

  it('changes its capacity both ways without touching the instances that stay, and never gives a number twice', async () => {
    await put('scaled', under.scaleSet(2));
    const before = await instancesOf('scaled');
    await put('scaled', under.scaleSet(3));
    expect((await instancesOf('scaled')).slice(0, 2).map(({ vmId }) => vmId)).toEqual(before.map(({ vmId }) => vmId));
    await under.compute.virtualMachineScaleSets.update(GROUP, 'scaled', { sku: { name: 'Standard_D2s_v5', capacity: 1 } });
    expect(await idsOf('scaled')).toEqual(['0']);
    await put('scaled', under.scaleSet(2));
    expect(await idsOf('scaled')).toEqual(['0', '3']);
  });

  it('loses exactly the instances that are deleted by number, and its capacity follows', async () => {
    await put('picked', under.scaleSet(4));
    await under.compute.virtualMachineScaleSets.deleteInstances(GROUP, 'picked', { instanceIds: ['1', '2'] });
    expect(await idsOf('picked')).toEqual(['0', '3']);
    await under.compute.virtualMachineScaleSetVMs.delete(GROUP, 'picked', '0');
    expect(await idsOf('picked')).toEqual(['3']);
    expect((await under.compute.virtualMachineScaleSets.get(GROUP, 'picked')).sku?.capacity).toBe(1);
    await expect(
      under.compute.virtualMachineScaleSets.deleteInstances(GROUP, 'picked', { instanceIds: ['9'] }),
    ).rejects.toMatchObject({
      statusCode: 400,
      code: 'InvalidParameter',
    });
  });

  it('changes an instance only when it is upgraded by hand', async () => {
    await put('upgraded', under.scaleSet(2));
    await put('upgraded', under.scaleSet(2, '#cloud-config\n', { sku: { name: 'Standard_D4s_v5', capacity: 2 } }));
    const sizes = async () =>
      (await instancesOf('upgraded')).map(({ latestModelApplied, sku }) => ({ latestModelApplied, size: sku?.name }));
    expect(await sizes()).toEqual([
      { latestModelApplied: false, size: 'Standard_D2s_v5' },
      { latestModelApplied: false, size: 'Standard_D2s_v5' },
    ]);
    await under.compute.virtualMachineScaleSets.updateInstances(GROUP, 'upgraded', { instanceIds: ['1'] });
    expect(await sizes()).toEqual([
      { latestModelApplied: false, size: 'Standard_D2s_v5' },
      { latestModelApplied: true, size: 'Standard_D4s_v5' },
    ]);
  });

  it('shows the power of its instances through every power operation', async () => {
    await put('powered', under.scaleSet(1));
    const power = async () => {
      const view = await under.compute.virtualMachineScaleSetVMs.getInstanceView(GROUP, 'powered', '0');
      return view.statuses?.map(({ code }) => code).find((code) => code?.startsWith('PowerState/'));
    };
    expect(await power()).toBe('PowerState/running');
    await under.compute.virtualMachineScaleSetVMs.deallocate(GROUP, 'powered', '0');
    expect(await power()).toBe('PowerState/deallocated');
    await under.compute.virtualMachineScaleSets.start(GROUP, 'powered', { vmInstanceIDs: { instanceIds: ['0'] } });
    expect(await power()).toBe('PowerState/running');
    await under.compute.virtualMachineScaleSetVMs.powerOff(GROUP, 'powered', '0');
    expect(await power()).toBe('PowerState/stopped');
    await under.compute.virtualMachineScaleSetVMs.restart(GROUP, 'powered', '0');
    expect(await power()).toBe('PowerState/running');
    const [expanded] = await instancesOf('powered', { expand: 'instanceView' });
    expect(expanded?.instanceView?.vmAgent?.statuses?.[0]?.displayStatus).toBe('Ready');
    const summary = await under.compute.virtualMachineScaleSets.getInstanceView(GROUP, 'powered');
    expect(summary.virtualMachine?.statusesSummary).toContainEqual({ code: 'PowerState/running', count: 1 });
  });

  it('gives a new system disk but the old data disks when it is reimaged', async () => {
    await put('reimaged', under.scaleSet(1));
    const disks = async () => {
      const [instance] = await instancesOf('reimaged');
      return [instance?.storageProfile?.osDisk?.name, instance?.storageProfile?.dataDisks?.[0]?.name];
    };
    const before = await disks();
    await under.compute.virtualMachineScaleSetVMs.reimage(GROUP, 'reimaged', '0');
    const after = await disks();
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).toBe(before[1]);
    await under.compute.virtualMachineScaleSetVMs.reimageAll(GROUP, 'reimaged', '0');
    expect((await disks())[1]).not.toBe(before[1]);
  });

  it('fails with the sentence of the machine when its cloud-config cannot be run, and can be deleted', async () => {
    const failing = put('failing', under.scaleSet(2, '#cloud-config\nruncmd: [[reboot]]\n'));
    await expect(failing).rejects.toThrow(/OSProvisioningClientError.*"reboot" is not a systemctl command/);
    const view = await under.compute.virtualMachineScaleSetVMs.getInstanceView(GROUP, 'failing', '0');
    expect(view.statuses?.[0]).toMatchObject({ code: 'ProvisioningState/failed/OSProvisioningClientError', level: 'Error' });
    await under.compute.virtualMachineScaleSets.delete(GROUP, 'failing');
    expect((await machines()).filter(({ name }) => name.startsWith('failing_'))).toEqual([]);
  });

  it('takes its machines with it when it is deleted', async () => {
    await put('gone', under.scaleSet(2));
    await under.compute.virtualMachineScaleSets.delete(GROUP, 'gone');
    expect((await machines()).filter(({ name }) => name.startsWith('gone_'))).toEqual([]);
    await expect(under.compute.virtualMachineScaleSets.get(GROUP, 'gone')).rejects.toMatchObject({ statusCode: 404 });
  });

  it('keeps its machines when the emulator is started again', async () => {
    await put('lasting', under.scaleSet(1));
    const before = await machines();
    const restarted = await under.emulator.restart();
    Object.assign(under, { emulator: restarted });
    const options = { endpoint: restarted.endpoint };
    const credential = restarted.credential(sample.owner, sample.tenantId);
    Object.assign(under, { compute: new ComputeManagementClient(credential, sample.subscriptionId, options) });
    expect((await machines()).map(({ vmId, address }) => ({ vmId, address }))).toEqual(
      before.map(({ vmId, address }) => ({ vmId, address })),
    );
    await under.compute.virtualMachineScaleSets.delete(GROUP, 'lasting');
  });
});

describe('a refused scale set', () => {
  const withProfile = (change: object): VirtualMachineScaleSet => {
    const body = under.scaleSet(1);
    return { ...body, virtualMachineProfile: { ...body.virtualMachineProfile, ...change } };
  };
  const osProfile = (change: object) =>
    withProfile({ osProfile: { ...under.scaleSet(1).virtualMachineProfile?.osProfile, ...change } });
  const subnetOf = (id: string): VirtualMachineScaleSet =>
    JSON.parse(JSON.stringify(under.scaleSet(1)).replaceAll(under.subnetId, id)) as VirtualMachineScaleSet;

  const cases: [string, () => VirtualMachineScaleSet, { statusCode: number; code: string; message: RegExp }][] = [
    [
      'an unknown size',
      () => under.scaleSet(1, undefined, { sku: { name: 'Standard_Z1', capacity: 1 } }),
      { statusCode: 400, code: 'InvalidParameter', message: /VM size is not valid/ },
    ],
    [
      'no size',
      () => under.scaleSet(1, undefined, { sku: {} }),
      { statusCode: 400, code: 'InvalidParameter', message: /sku\.name/ },
    ],
    [
      'a missing subnet',
      () => subnetOf(under.subnetId.replace('servers', 'nowhere')),
      { statusCode: 400, code: 'InvalidResourceReference', message: /nowhere/ },
    ],
    [
      'a missing identity',
      () =>
        under.scaleSet(1, undefined, {
          identity: { type: 'UserAssigned', userAssignedIdentities: { [`${under.identityId}x`]: {} } },
        }),
      { statusCode: 400, code: 'FailedIdentityOperation', message: /identityx/ },
    ],
    [
      'custom data that is not base64',
      () => osProfile({ customData: 'not base64!' }),
      { statusCode: 400, code: 'InvalidParameter', message: /Base64/ },
    ],
    [
      'custom data beyond 64 KiB',
      () => osProfile({ customData: Buffer.alloc(65_537).toString('base64') }),
      { statusCode: 400, code: 'InvalidParameter', message: /87380/ },
    ],
    [
      'no way to sign in',
      () => osProfile({ linuxConfiguration: { disablePasswordAuthentication: true } }),
      { statusCode: 400, code: 'InvalidParameter', message: /SSH/ },
    ],
    [
      'a zone that the region does not have',
      () => under.scaleSet(1, undefined, { zones: ['4'] }),
      { statusCode: 400, code: 'AvailabilityZoneNotSupported', message: /'1,2,3'/ },
    ],
    [
      'rolling upgrades',
      () => under.scaleSet(1, undefined, { upgradePolicy: { mode: 'Rolling' } }),
      { statusCode: 400, code: 'InvalidParameter', message: /only Manual is emulated/ },
    ],
    [
      'an extension',
      () => withProfile({ extensionProfile: { extensions: [] } }),
      { statusCode: 400, code: 'InvalidParameter', message: /extensionProfile/ },
    ],
    [
      'more cores than the quota',
      () => under.scaleSet(500),
      { statusCode: 409, code: 'QuotaExceeded', message: /Current Limit: 350/ },
    ],
  ];

  it.each(cases)('for %s makes nothing', async (_, body, { message, ...refusal }) => {
    const failure: unknown = await put('refused', body()).then(
      () => 'it was accepted',
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ ...refusal, message: expect.stringMatching(message) });
    await expect(under.compute.virtualMachineScaleSets.get(GROUP, 'refused')).rejects.toMatchObject({ statusCode: 404 });
  });

  it('for a changed administrator keeps the old one', async () => {
    await put('fixed', under.scaleSet(0));
    await expect(put('fixed', osProfile({ adminUsername: 'other' }))).rejects.toMatchObject({
      statusCode: 409,
      code: 'PropertyChangeNotAllowed',
    });
    expect(
      (await under.compute.virtualMachineScaleSets.get(GROUP, 'fixed')).virtualMachineProfile?.osProfile?.adminUsername,
    ).toBe('operator');
  });
});

describe('sizes and usages', () => {
  it('are told for a region', async () => {
    const skus = await collect(under.compute.resourceSkus.list({ filter: "location eq 'westeurope'" }));
    const size = skus.find(({ name }) => name === 'Standard_D2s_v5');
    expect(size).toMatchObject({
      family: 'standardDSv5Family',
      locations: ['westeurope'],
      locationInfo: [{ zones: ['1', '2', '3'] }],
    });
    expect(size?.capabilities).toContainEqual({ name: 'vCPUs', value: '2' });
    expect(size?.capabilities).toContainEqual({ name: 'MemoryGB', value: '8' });
    const usages = await collect(under.compute.usage.list('northeurope'));
    expect(usages.find(({ name }) => name.value === 'cores')).toMatchObject({ currentValue: 0, limit: 350 });
  });

  it('follow a changed quota', async () => {
    const quota = { subscriptionId: sample.subscriptionId, location: 'northeurope', cores: 3 };
    const changed = await fetch(`${under.emulator.endpoint}/_emulator/quota`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(quota),
    });
    expect(changed.status).toBe(204);
    const usages = await collect(under.compute.usage.list('northeurope'));
    expect(usages.find(({ name }) => name.value === 'cores')).toMatchObject({ limit: 3 });
  });
});
