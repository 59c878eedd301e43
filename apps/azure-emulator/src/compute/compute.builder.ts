/** What tests of the compute service share: an emulator with a network, the clients, and a scale set's body. */
import { randomInt } from 'node:crypto';
import { ComputeManagementClient, type VirtualMachineScaleSet } from '@azure/arm-compute';
import { ManagedServiceIdentityClient } from '@azure/arm-msi';
import { NetworkManagementClient } from '@azure/arm-network';
import { sample, startTestEmulator, type TestEmulator } from '../emulator.builder';

export const GROUP = 'sample';

export interface ComputeUnderTest {
  readonly emulator: TestEmulator;
  readonly compute: ComputeManagementClient;
  readonly network: NetworkManagementClient;
  readonly subnetId: string;
  readonly identityId: string;
  /** The body of a scale set whose machines run `cloudConfig`; `change` replaces top-level members. */
  scaleSet(capacity: number, cloudConfig?: string, change?: Partial<VirtualMachineScaleSet>): VirtualMachineScaleSet;
}

/** Settings of an emulator whose machines have a block of addresses of their own. */
export const machineEnvironment = (): Record<string, string> => ({
  EMULATOR_MACHINE_ADDRESS_BLOCK: `127.${randomInt(100, 250)}.${randomInt(0, 255)}.0/24`,
  EMULATOR_INSTANCE_METADATA_PORT: '0',
  EMULATOR_RETRY_AFTER_SECONDS: '0',
});

export const encode = (text: string): string => Buffer.from(text).toString('base64');

/** A scale set's body; clients send it as it is. */
export function scaleSetBody(parts: {
  subnetId: string;
  identityId: string;
  capacity: number;
  cloudConfig?: string;
}): VirtualMachineScaleSet {
  return {
    location: 'westeurope',
    tags: { owner: 'tests' },
    sku: { name: 'Standard_D2s_v5', capacity: parts.capacity },
    identity: { type: 'UserAssigned', userAssignedIdentities: { [parts.identityId]: {} } },
    orchestrationMode: 'Uniform',
    overprovision: false,
    upgradePolicy: { mode: 'Manual' },
    virtualMachineProfile: {
      osProfile: {
        computerNamePrefix: 'server',
        adminUsername: 'operator',
        ...(parts.cloudConfig === undefined ? {} : { customData: encode(parts.cloudConfig) }),
        linuxConfiguration: {
          disablePasswordAuthentication: true,
          ssh: { publicKeys: [{ path: '/home/operator/.ssh/authorized_keys', keyData: 'ssh-ed25519 AAAA' }] },
        },
      },
      storageProfile: {
        imageReference: { publisher: 'Debian', offer: 'debian-13', sku: '13-gen2', version: 'latest' },
        osDisk: { createOption: 'FromImage' },
        dataDisks: [{ lun: 0, createOption: 'Empty', diskSizeGB: 64 }],
      },
      networkProfile: {
        networkInterfaceConfigurations: [
          {
            name: 'card',
            primary: true,
            ipConfigurations: [{ name: 'address', primary: true, subnet: { id: parts.subnetId } }],
          },
        ],
      },
    },
  };
}

/** Starts an emulator and makes in its sample group a network `network` and an identity `identity`. */
export async function startCompute(): Promise<ComputeUnderTest> {
  const emulator = await startTestEmulator({ environment: machineEnvironment() });
  const credential = emulator.credential(sample.owner, sample.tenantId);
  const options = { endpoint: emulator.endpoint };
  const network = new NetworkManagementClient(credential, sample.subscriptionId, options);
  const identities = new ManagedServiceIdentityClient(credential, sample.subscriptionId, options);
  await network.virtualNetworks.createOrUpdate(GROUP, 'network', {
    location: 'westeurope',
    addressSpace: { addressPrefixes: ['10.0.0.0/16'] },
    subnets: [{ name: 'servers', addressPrefix: '10.0.0.0/24' }],
  });
  const subnet = await network.subnets.get(GROUP, 'network', 'servers');
  const identity = await identities.userAssignedIdentities.createOrUpdate(GROUP, 'identity', { location: 'westeurope' });
  const subnetId = subnet.id ?? '';
  const identityId = identity.id ?? '';
  return {
    emulator,
    compute: new ComputeManagementClient(credential, sample.subscriptionId, options),
    network,
    subnetId,
    identityId,
    scaleSet: (capacity, cloudConfig, change) => ({
      ...scaleSetBody({ subnetId, identityId, capacity, ...(cloudConfig === undefined ? {} : { cloudConfig }) }),
      ...change,
    }),
  };
}
