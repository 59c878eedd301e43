import { ComputeManagementClient } from '@azure/arm-compute';
import { NetworkManagementClient, type NetworkInterface } from '@azure/arm-network';
import type { AzureConnection } from './connection';
import { findInAzure } from './errors';

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
}

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

  async #listMachines(resourceGroup: string, name: string): Promise<Omit<InstanceFacts, 'address'>[]> {
    const found = await findInAzure(`list the machines of ${name}`, async () => {
      const machines: Omit<InstanceFacts, 'address'>[] = [];
      for await (const vm of this.#compute.virtualMachineScaleSetVMs.list(resourceGroup, name)) {
        const { instanceId = '', name: azureName = '', vmId = '', provisioningState } = vm;
        machines.push({ instanceId, azureName, vmId: vmId.toLowerCase(), provisioningState });
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
