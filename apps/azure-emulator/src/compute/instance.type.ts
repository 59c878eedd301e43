/** `Microsoft.Compute/virtualMachineScaleSets/virtualMachines`: one instance, made only by its scale set. */
import type { JsonObject } from '../arm/json';
import type { ResourceAction, ResourceType } from '../arm/resource-type';
import type { StoredResource } from '../arm/resource';
import { instanceView } from './instance-view';
import type { Instances } from './instances';
import { computerNameOf, instanceOf, isLatest, profileOf } from './instance.model';
import { networkInterfaceId } from './network-interfaces';
import { COMPUTE_API_VERSIONS, POWER_ACTIONS, REIMAGE_ACTIONS } from './compute-actions';

function disksOf(instance: StoredResource, set: StoredResource): JsonObject {
  const { storageProfile } = profileOf(instance, set);
  const { systemDiskId, dataDiskId, instanceId } = instanceOf(instance);
  const group = instance.id.split('/').slice(0, 5).join('/');
  const diskId = (name: string): string => `${group}/providers/Microsoft.Compute/disks/${name}`;
  const systemDisk = `${set.name}_${instanceId}_OsDisk_1_${systemDiskId}`;
  return {
    imageReference: storageProfile.imageReference,
    osDisk: { ...storageProfile.osDisk, osType: 'Linux', name: systemDisk, managedDisk: { id: diskId(systemDisk) } },
    dataDisks: storageProfile.dataDisks.map((disk) => {
      const name = `${set.name}_${instanceId}_disk${disk.lun + 2}_${dataDiskId}`;
      return { ...disk, name, managedDisk: { id: diskId(name) } };
    }),
  };
}

async function present(instance: StoredResource, query: URLSearchParams, instances: Instances): Promise<JsonObject> {
  const set = await instances.setOf(instance);
  const { instanceId, vmId, model } = instanceOf(instance);
  const shown = {
    id: instance.id,
    name: instance.name,
    type: instance.type,
    location: instance.location,
    tags: instance.tags,
    instanceId,
  };
  if (!set) return { ...shown, properties: { ...instance.properties, vmId } };
  const { osProfile, networkProfile } = profileOf(instance, set);
  const cards = networkProfile.networkInterfaceConfigurations;
  const properties = {
    ...instance.properties,
    latestModelApplied: isLatest(instance, set),
    modelDefinitionApplied: 'VirtualMachineScaleSet',
    vmId,
    hardwareProfile: {},
    osProfile: {
      ...osProfile,
      computerNamePrefix: undefined,
      computerName: computerNameOf(osProfile.computerNamePrefix, instanceId),
    },
    storageProfile: disksOf(instance, set),
    networkProfile: {
      networkInterfaces: cards.map(({ name }) => ({ id: networkInterfaceId(instance, name), properties: { primary: true } })),
    },
    networkProfileConfiguration: { networkInterfaceConfigurations: cards },
    ...(query.get('$expand')?.toLowerCase() === 'instanceview'
      ? { instanceView: instanceView(instance, instances.machineOf(instance)) }
      : {}),
  };
  const sku = { name: model.vmSize, tier: 'Standard' };
  return { ...shown, sku, ...(instance.zones ? { zones: instance.zones } : {}), properties };
}

const longRunning = (perform: (instance: StoredResource) => Promise<void>): ResourceAction => ({
  kind: 'longRunning',
  perform: ({ resource }) => perform(resource),
});

/** `serialConsoleLogBlobUri` of an instance: where its console log can be read. */
export type ConsoleAddress = (vmId: string) => string;

/** The type with everything that can be done to it. */
export function instanceType(instances: Instances, consoleAddress: ConsoleAddress): ResourceType {
  return {
    namespace: 'Microsoft.Compute',
    type: 'virtualMachineScaleSets/virtualMachines',
    apiVersions: COMPUTE_API_VERSIONS,
    methods: ['GET', 'DELETE'],
    longRunning: true,
    present: (instance, query) => present(instance, query, instances),
    deprovision: ({ resource }) => instances.removeMachine(resource),
    onDeleted: (instance) => instances.recordCapacity(instance),
    actions: {
      ...Object.fromEntries(
        Object.entries(POWER_ACTIONS).map(([name, act]) => [
          name,
          longRunning(async (instance) => {
            await act(instances.machineOf(instance));
          }),
        ]),
      ),
      ...Object.fromEntries(
        Object.entries(REIMAGE_ACTIONS).map(([name, withData]) => [
          name,
          longRunning((instance) => instances.reimage(instance, withData)),
        ]),
      ),
      retrieveBootDiagnosticsData: {
        kind: 'immediate',
        run: ({ resource }) => ({
          status: 200,
          body: { serialConsoleLogBlobUri: resource ? consoleAddress(instanceOf(resource).vmId) : undefined },
        }),
      },
    },
    views: { instanceView: (instance) => instanceView(instance, instances.machineOf(instance)) },
  };
}
