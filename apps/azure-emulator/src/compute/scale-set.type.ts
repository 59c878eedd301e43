/** `Microsoft.Compute/virtualMachineScaleSets` as Resource Manager drives it: PUT makes and removes instances, actions act on them. */
import { randomUUID } from 'node:crypto';
import { ArmError } from '../arm/arm-error';
import type { ResourceAccess } from '../arm/resource-provider';
import type { ResourceAction, ResourceType, ResourceWork, ResourceWrite } from '../arm/resource-type';
import type { StoredResource } from '../arm/resource';
import { COMPUTE_API_VERSIONS, POWER_ACTIONS, REIMAGE_ACTIONS } from './compute-actions';
import { scaleSetView } from './instance-view';
import { capacityOf, type Instances } from './instances';
import { instanceOf } from './instance.model';
import type { Quota } from './quota';
import { hiddenOf, readScaleSet, splitSecrets } from './scale-set.model';
import { validateScaleSet } from './scale-set.validation';
import { chooseSurplus } from './scaling';
import { findVmSize } from './vm-sizes';

/** Runs `work` for all and then throws the first failure, so that one bad instance does not stop the others. */
async function forAll(instances: readonly StoredResource[], work: (instance: StoredResource) => Promise<void>): Promise<void> {
  const outcomes = await Promise.allSettled(instances.map(work));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason as Error;
}

function draftScaleSet({ body, existing }: ResourceWrite) {
  const { shown, customData } = splitSecrets(body.properties);
  const before = existing ? hiddenOf(existing) : {};
  const kept = customData ?? before.customData;
  return {
    properties: {
      orchestrationMode: 'Uniform',
      overprovision: true,
      singlePlacementGroup: true,
      platformFaultDomainCount: 5,
      ...shown,
      uniqueId: existing?.properties['uniqueId'] ?? randomUUID(),
      timeCreated: existing?.properties['timeCreated'] ?? new Date().toISOString(),
    },
    hidden: { ...before, ...(kept === undefined ? {} : { customData: kept }) },
    envelope: { sku: { tier: 'Standard', ...body.sku, name: findVmSize(String(body.sku?.['name']))?.name } },
  };
}

/** Brings the number of instances to the capacity, finishing what an earlier process began. */
async function scale(work: ResourceWork, instances: Instances, resources: ResourceAccess): Promise<void> {
  const set = work.resource;
  const present = instances.listOf(set.id).filter((instance) => instanceOf(instance).removedByScaling !== true);
  const rule = readScaleSet({ sku: set.sku ?? {}, properties: set.properties }).properties.scaleInPolicy?.rules[0] ?? 'Default';
  for (const instance of chooseSurplus(present, present.length - capacityOf(set), rule)) {
    resources.update(instance.id, { properties: { provisioningState: 'Deleting' }, hidden: { removedByScaling: true } });
  }
  for (let count = present.length; count < capacityOf(set); count += 1) instances.add(set);
  work.signal.throwIfAborted();
  const all = instances.listOf(set.id);
  const going = all.filter((instance) => instanceOf(instance).removedByScaling === true);
  const unready = all.filter(
    (instance) => !going.includes(instance) && ['Creating', 'Failed'].includes(String(instance.properties['provisioningState'])),
  );
  await forAll(going, (instance) => instances.remove(instance));
  await forAll(unready, (instance) => instances.boot(instance, set));
}

/** An action on the instances that the body names, or on all. `delete` and `manualupgrade` must be told which. */
function onInstances(
  instances: Instances,
  work: (instance: StoredResource, set: StoredResource) => Promise<void>,
  needsIds = false,
): ResourceAction {
  return {
    kind: 'longRunning',
    check: ({ resource, body }) => {
      if (needsIds && !(Array.isArray(body['instanceIds']) && body['instanceIds'].length > 0)) {
        throw new ArmError(400, 'InvalidParameter', "Required parameter 'instanceIds' is missing (null).", {
          target: 'instanceIds',
        });
      }
      instances.select(resource?.id ?? '', body['instanceIds']);
    },
    perform: async ({ resource, body }) => {
      await forAll(instances.select(resource.id, body['instanceIds']), (instance) => work(instance, resource));
    },
  };
}

/** `delete` may run again after some of the instances are gone, so it does not ask for them a second time. */
function deleteInstances(instances: Instances): ResourceAction {
  const checked = onInstances(instances, () => Promise.resolve(), true);
  return {
    ...checked,
    kind: 'longRunning',
    perform: async ({ resource, body }) => {
      const named = new Set((body['instanceIds'] as unknown[]).map(String));
      const chosen = instances
        .listOf(resource.id)
        .filter((instance) => named.has('*') || named.has(instanceOf(instance).instanceId));
      await forAll(chosen, (instance) => instances.remove(instance));
    },
  };
}

/** The type with everything that can be done to it. */
export function scaleSetType(parts: { resources: ResourceAccess; instances: Instances; quota: Quota }): ResourceType {
  const { resources, instances, quota } = parts;
  const skuRow = (set: StoredResource) => ({
    resourceType: 'Microsoft.Compute/virtualMachineScaleSets',
    sku: { name: set.sku?.['name'], tier: 'Standard' },
    capacity: { minimum: 0, maximum: 1000, defaultCapacity: 0, scaleType: 'Automatic' },
  });
  return {
    namespace: 'Microsoft.Compute',
    type: 'virtualMachineScaleSets',
    apiVersions: COMPUTE_API_VERSIONS,
    longRunning: true,
    validate: (write) => validateScaleSet(write, resources, quota),
    draft: draftScaleSet,
    provision: (work) => scale(work, instances, resources),
    actions: {
      ...Object.fromEntries(
        Object.entries(POWER_ACTIONS).map(([name, act]) => [
          name,
          onInstances(instances, async (instance) => {
            await act(instances.machineOf(instance));
          }),
        ]),
      ),
      ...Object.fromEntries(
        Object.entries(REIMAGE_ACTIONS).map(([name, withData]) => [
          name,
          onInstances(instances, (instance) => instances.reimage(instance, withData)),
        ]),
      ),
      manualupgrade: onInstances(instances, (instance, set) => instances.applyLatestModel(instance, set), true),
      delete: deleteInstances(instances),
    },
    views: {
      instanceView: (set) =>
        scaleSetView(
          set,
          instances.listOf(set.id).map((instance) => ({ instance, machine: instances.machineOf(instance) })),
        ),
      skus: (set) => ({ value: [skuRow(set)] }),
    },
  };
}
