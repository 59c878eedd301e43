import { ComputeManagementClient } from '@azure/arm-compute';
import { NetworkManagementClient, type NetworkInterface } from '@azure/arm-network';
import type { AzureConnection } from './connection';
import { callAzure, findInAzure } from './errors';

/** One machine of a scale set. */
export interface InstanceFacts {
  /** Number inside the scale set. */
  instanceId: string;
  /** Azure's name of the machine. */
  azureName: string;
  /** Unique id of the machine, in lower case: what its agent is known by. */
  vmId: string;
  /** Private address; undefined until Azure has given it one. */
  address: string | undefined;
  provisioningState: string | undefined;
  /** Azure's name of the size that the machine has, whatever the scale set says by now. */
  vmSize: string | undefined;
}

/** A scale set: what its next machines will be, and how many there shall be. */
export interface ScaleSetFacts {
  vmSize: string;
  capacity: number;
}

/** What of a scale set is changed; what is not named stays. Machines that exist are not touched, but for their number. */
export interface ScaleSetChange {
  vmSize: string;
  capacity: number;
  /** Cloud-config of the machines that are made from now on, as text. */
  customData?: string;
}

/** Azure's words for the power of a machine, without their prefix; undefined while Azure says none. */
export type PowerWord = 'running' | 'starting' | 'stopping' | 'stopped' | 'deallocating' | 'deallocated' | undefined;

const POWER_PREFIX = 'PowerState/';

const instanceIdOf = (nic: NetworkInterface): string =>
  /virtualMachines\/([^/]+)$/i.exec(nic.virtualMachine?.id ?? '')?.[1] ?? '';

const addressOf = (nic: NetworkInterface): string | undefined =>
  (nic.ipConfigurations?.find(({ primary }) => primary) ?? nic.ipConfigurations?.[0])?.privateIPAddress;

/** Scale sets of one subscription, their machines and the machines' addresses. */
export class ScaleSets {
  readonly #compute: ComputeManagementClient;
  readonly #network: NetworkManagementClient;

  constructor(connection: AzureConnection, subscriptionId: string) {
    this.#compute = new ComputeManagementClient(connection.credential, subscriptionId, connection.options);
    this.#network = new NetworkManagementClient(connection.credential, subscriptionId, connection.options);
  }

  /** The machines in order of their numbers; none when there is no such scale set. */
  async listInstances(resourceGroup: string, name: string): Promise<InstanceFacts[]> {
    const [machines, addresses] = await Promise.all([
      this.#listMachines(resourceGroup, name),
      this.#listAddresses(resourceGroup, name),
    ]);
    return machines
      .map((machine) => ({ ...machine, address: addresses.get(machine.instanceId) }))
      .sort((one, other) => one.instanceId.localeCompare(other.instanceId, 'en', { numeric: true }));
  }

  /** Undefined when there is no such scale set. */
  async find(resourceGroup: string, name: string): Promise<ScaleSetFacts | undefined> {
    const found = await findInAzure(`read ${name}`, () => this.#compute.virtualMachineScaleSets.get(resourceGroup, name));
    return found && { vmSize: found.sku?.name ?? '', capacity: found.sku?.capacity ?? 0 };
  }

  /** Asks Azure to change a scale set and returns when it has agreed. The same change again is agreed as well. */
  async startChange(
    resourceGroup: string,
    name: string,
    { vmSize, capacity, customData }: ScaleSetChange,
    abortSignal?: AbortSignal,
  ): Promise<void> {
    const encoded = customData === undefined ? undefined : Buffer.from(customData).toString('base64');
    const change = {
      sku: { name: vmSize, tier: 'Standard', capacity },
      ...(encoded === undefined ? {} : { virtualMachineProfile: { osProfile: { customData: encoded } } }),
    };
    await callAzure('change the number or the size of the servers', () =>
      this.#compute.virtualMachineScaleSets.update(resourceGroup, name, change, { abortSignal }).submitted(),
    );
  }

  /** Asks Azure to remove one machine, with its disks; the capacity follows. Gone already is agreed as well. */
  async startRemovingInstance(resourceGroup: string, name: string, instanceId: string, abortSignal?: AbortSignal): Promise<void> {
    await findInAzure(`remove the machine ${instanceId} of ${name}`, () =>
      this.#compute.virtualMachineScaleSetVMs.delete(resourceGroup, name, instanceId, { abortSignal }).submitted(),
    );
  }

  /** Asks Azure to move one machine to another host: it is started anew, with its disks and its address. */
  async startRedeployingInstance(
    resourceGroup: string,
    name: string,
    instanceId: string,
    abortSignal?: AbortSignal,
  ): Promise<void> {
    await callAzure(`move the machine ${instanceId} of ${name}`, () =>
      this.#compute.virtualMachineScaleSetVMs.redeploy(resourceGroup, name, instanceId, { abortSignal }).submitted(),
    );
  }

  /** Asks Azure to shut all machines down and to give their hosts back: nothing is paid for but disks. */
  async startDeallocating(resourceGroup: string, name: string, abortSignal?: AbortSignal): Promise<void> {
    await callAzure('stop the machines', () =>
      this.#compute.virtualMachineScaleSets.deallocate(resourceGroup, name, { abortSignal }).submitted(),
    );
  }

  /** Asks Azure to start all machines. */
  async startMachines(resourceGroup: string, name: string, abortSignal?: AbortSignal): Promise<void> {
    await callAzure('start the machines', () =>
      this.#compute.virtualMachineScaleSets.start(resourceGroup, name, { abortSignal }).submitted(),
    );
  }

  /** Power of each machine by its number. */
  async listPower(resourceGroup: string, name: string): Promise<Map<string, PowerWord>> {
    const power = new Map<string, PowerWord>();
    await findInAzure(`read the power of the machines of ${name}`, async () => {
      const machines = this.#compute.virtualMachineScaleSetVMs.list(resourceGroup, name, { expand: 'instanceView' });
      for await (const { instanceId = '', instanceView } of machines) {
        const code = instanceView?.statuses?.find((status) => status.code?.startsWith(POWER_PREFIX))?.code;
        power.set(instanceId, code?.slice(POWER_PREFIX.length) as PowerWord);
      }
    });
    return power;
  }

  async #listMachines(resourceGroup: string, name: string): Promise<Omit<InstanceFacts, 'address'>[]> {
    const found = await findInAzure(`list the machines of ${name}`, async () => {
      const machines: Omit<InstanceFacts, 'address'>[] = [];
      for await (const vm of this.#compute.virtualMachineScaleSetVMs.list(resourceGroup, name)) {
        const { instanceId = '', name: azureName = '', vmId = '', provisioningState, sku } = vm;
        machines.push({ instanceId, azureName, vmId: vmId.toLowerCase(), provisioningState, vmSize: sku?.name });
      }
      return machines;
    });
    return found ?? [];
  }

  async #listAddresses(resourceGroup: string, name: string): Promise<Map<string, string>> {
    const addresses = new Map<string, string>();
    await findInAzure(`list the addresses of ${name}`, async () => {
      for await (const nic of this.#network.networkInterfaces.listVirtualMachineScaleSetNetworkInterfaces(resourceGroup, name)) {
        const address = addressOf(nic);
        if (address) addresses.set(instanceIdOf(nic), address);
      }
    });
    return addresses;
  }
}
