/** What is kept of an instance beside what a GET shows, and how it is derived from its scale set. */
import { createHash } from 'node:crypto';
import { asJsonObject, type JsonObject } from '../arm/json';
import type { StoredResource, Tags } from '../arm/resource';
import { parseResourceId } from '../arm/resource-id';
import type { MachineDescription } from '../machine';
import { hiddenOf, readScaleSet, type ScaleSetProperties } from './scale-set.model';

export const INSTANCE_TYPE = 'Microsoft.Compute/virtualMachineScaleSets/virtualMachines';

/** The part of a scale set that an instance was made from: with `Manual` upgrades it changes only when asked. */
export interface InstanceModel {
  readonly vmSize: string;
  readonly properties: JsonObject;
  readonly customData?: string;
  readonly identities: readonly string[];
  readonly tags: Tags;
}

export interface InstanceHidden extends JsonObject {
  readonly vmId: string;
  readonly instanceId: string;
  /** Known once the machine is made. */
  readonly address?: string;
  readonly model: InstanceModel;
  /** Part of disk names; a reimage gives a new system disk, and with `reimageall` new data disks. */
  readonly systemDiskId: string;
  readonly dataDiskId: string;
  /** The scale set takes it away itself: its capacity says so already. */
  readonly removedByScaling?: boolean;
}

export const instanceOf = (resource: StoredResource): InstanceHidden => resource.hidden as InstanceHidden;

/** The model that a scale set has now. */
export function modelOf(set: StoredResource): InstanceModel {
  const { customData } = hiddenOf(set);
  return {
    vmSize: String(set.sku?.['name']),
    properties: asJsonObject(set.properties['virtualMachineProfile']),
    ...(customData === undefined ? {} : { customData }),
    identities: Object.keys(asJsonObject(set.identity?.['userAssignedIdentities'])),
    tags: set.tags ?? {},
  };
}

/** Tags are left out: changing them makes no instance out of date. */
function digestOf({ tags: _tags, ...model }: InstanceModel): string {
  return createHash('sha256').update(JSON.stringify(model)).digest('hex');
}

/** What `latestModelApplied` shows. */
export const isLatest = (instance: StoredResource, set: StoredResource): boolean =>
  digestOf(instanceOf(instance).model) === digestOf(modelOf(set));

type Profile = ScaleSetProperties['virtualMachineProfile'];

/** The instance's part of the model, typed. */
export const profileOf = (instance: StoredResource, set: StoredResource): Profile =>
  readScaleSet({
    sku: asJsonObject(set.sku),
    properties: { ...set.properties, virtualMachineProfile: instanceOf(instance).model.properties },
  }).properties.virtualMachineProfile;

/** As Azure makes computer names: the prefix and the number in base 36, six digits. */
export const computerNameOf = (prefix: string, instanceId: string): string =>
  `${prefix}${Number(instanceId).toString(36).toUpperCase().padStart(6, '0')}`;

/** What the machine of an instance is told about itself. */
export function describeMachine(instance: StoredResource, set: StoredResource): MachineDescription {
  const { model, instanceId } = instanceOf(instance);
  const { osProfile, storageProfile } = profileOf(instance, set);
  const { publisher, offer, sku, version } = storageProfile.imageReference;
  const id = parseResourceId(set.id);
  const zone = instance.zones?.[0];
  return {
    name: instance.name,
    computerName: computerNameOf(osProfile.computerNamePrefix, instanceId),
    resourceId: instance.id,
    subscriptionId: id.subscriptionId ?? '',
    resourceGroupName: id.resourceGroup ?? '',
    location: set.location ?? '',
    vmScaleSetName: set.name,
    vmSize: model.vmSize,
    ...(zone === undefined ? {} : { zone }),
    tags: model.tags,
    image: { publisher, offer, sku, version },
    adminUsername: osProfile.adminUsername,
    ...(model.customData === undefined ? {} : { customData: model.customData }),
    identities: model.identities,
  };
}
