/** What Azure refuses of a scale set before it makes anything. */
import { ArmError } from '../arm/arm-error';
import type { ResourceAccess } from '../arm/resource-provider';
import { tryParseResourceId } from '../arm/resource-id';
import type { ResourceWrite } from '../arm/resource-type';
import type { Quota } from './quota';
import { invalidParameter, readScaleSet, splitSecrets, type ScaleSetModel, type ScaleSetProperties } from './scale-set.model';
import { findVmSize, VM_SIZES, zonesOf } from './vm-sizes';

/** Azure takes 64 KiB of custom data, which is this much of base64. */
const CUSTOM_DATA_CHARACTERS = 87_380;
const CUSTOM_DATA_BYTES = 65_536;
/** Compute's rule for names of Linux scale sets. */
const NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9_])?$/;

const PROFILE = 'properties.virtualMachineProfile';

function checkSize(vmSize: string): void {
  if (findVmSize(vmSize)) return;
  const valid = VM_SIZES.map(({ name }) => name).join(', ');
  throw invalidParameter(
    'vmSize',
    `The value ${vmSize} provided for the VM size is not valid. The valid sizes in the current region are: ${valid}. Find out more on the valid VM sizes in each region at https://aka.ms/azure-regions.`,
  );
}

function checkCustomData(customData: string | undefined): void {
  if (customData === undefined) return;
  const isBase64 = customData.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(customData);
  if (isBase64 && customData.length <= CUSTOM_DATA_CHARACTERS && Buffer.byteLength(customData, 'base64') <= CUSTOM_DATA_BYTES)
    return;
  throw invalidParameter(
    'customData',
    `Custom data in OSProfile must be in Base64 encoding and with a maximum length of ${CUSTOM_DATA_CHARACTERS} characters.`,
  );
}

function checkSignIn({ virtualMachineProfile }: ScaleSetProperties, hasPassword: boolean): void {
  const linux = virtualMachineProfile.osProfile.linuxConfiguration;
  const hasKey = (linux?.ssh?.publicKeys.length ?? 0) > 0;
  const usesPassword = !(linux?.disablePasswordAuthentication ?? false) && hasPassword;
  if (hasKey || usesPassword) return;
  throw invalidParameter(
    'linuxConfiguration',
    'Authentication using either SSH or by user name and password must be enabled in Linux profile.',
  );
}

/** A machine has one address, so there can be one card with one configuration; more would have to be made up. */
function checkOneAddress({ virtualMachineProfile }: ScaleSetProperties): void {
  const cards = virtualMachineProfile.networkProfile.networkInterfaceConfigurations;
  const [card] = cards;
  if (cards.length === 1 && card?.properties.ipConfigurations.length === 1) return;
  throw invalidParameter(
    `${PROFILE}.networkProfile.networkInterfaceConfigurations`,
    'The emulator gives an instance one network interface with one IP configuration.',
  );
}

function checkDisks({ virtualMachineProfile }: ScaleSetProperties, vmSize: string): void {
  const luns = virtualMachineProfile.storageProfile.dataDisks.map(({ lun }) => lun);
  const limit = findVmSize(vmSize)?.maxDataDisks ?? 0;
  if (new Set(luns).size !== luns.length) throw invalidParameter('dataDisk.lun', 'A data disk at that LUN already exists.');
  if (luns.length > limit) {
    throw new ArmError(
      409,
      'OperationNotAllowed',
      `The maximum number of data disks allowed to be attached to a VM of this size is ${limit}.`,
    );
  }
}

function checkZones(id: string, location: string, zones: readonly string[] | undefined): void {
  const supported = zonesOf(location);
  const wrong = (zones ?? []).filter((zone) => !supported.includes(zone));
  if (wrong.length === 0) return;
  const message = `The zone(s) '${wrong.join(',')}' for resource '${id}' is not supported. The supported zones for location '${location}' are '${supported.join(',')}'.`;
  throw new ArmError(400, 'AvailabilityZoneNotSupported', message);
}

async function checkReferences(
  write: ResourceWrite,
  { virtualMachineProfile }: ScaleSetProperties,
  resources: ResourceAccess,
): Promise<void> {
  const cards = virtualMachineProfile.networkProfile.networkInterfaceConfigurations.map(({ properties }) => properties);
  const addresses = cards.flatMap((card) => card.ipConfigurations.map(({ properties }) => properties));
  const wanted = [
    ...addresses.map(({ subnet }) => ({ id: subnet.id, type: 'virtualNetworks/subnets' })),
    ...addresses.flatMap(({ loadBalancerBackendAddressPools }) =>
      loadBalancerBackendAddressPools.map(({ id }) => ({ id, type: 'loadBalancers/backendAddressPools' })),
    ),
    ...cards.flatMap(({ networkSecurityGroup }) =>
      networkSecurityGroup ? [{ id: networkSecurityGroup.id, type: 'networkSecurityGroups' }] : [],
    ),
  ];
  for (const { id, type } of wanted) {
    const isOfType = tryParseResourceId(id)?.fullType.toLowerCase() === `microsoft.network/${type}`.toLowerCase();
    if (isOfType && (await resources.get(id))) continue;
    const message = `Resource ${id} referenced by resource ${write.id.id} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.`;
    throw new ArmError(400, 'InvalidResourceReference', message);
  }
}

function checkUnchanged({ existing, body }: ResourceWrite, { properties }: ScaleSetModel): void {
  if (!existing) return;
  const before = readScaleSet(existing);
  const changed = (field: string): never => {
    throw new ArmError(409, 'PropertyChangeNotAllowed', `Changing property '${field}' is not allowed.`, { target: field });
  };
  const [old, now] = [before.properties.virtualMachineProfile.osProfile, properties.virtualMachineProfile.osProfile];
  if (old.computerNamePrefix !== now.computerNamePrefix) changed('osProfile.computerNamePrefix');
  if (old.adminUsername !== now.adminUsername) changed('osProfile.adminUsername');
  if (body.zones !== undefined && (existing.zones ?? []).some((zone) => !body.zones?.includes(zone))) changed('zones');
}

/** Throws Azure's `ArmError` for a body of a scale set that Azure would refuse. */
export async function validateScaleSet(write: ResourceWrite, resources: ResourceAccess, quota: Quota): Promise<void> {
  const { id, body, existing } = write;
  if (!NAME.test(id.name)) {
    throw new ArmError(400, 'InvalidParameter', 'The entity name is invalid: up to 64 letters, digits, ".", "-" and "_".', {
      target: 'name',
    });
  }
  const { shown, customData } = splitSecrets(body.properties);
  const model = readScaleSet({ ...(body.sku ? { sku: body.sku } : {}), properties: shown });
  checkSize(model.vmSize);
  checkCustomData(customData);
  const hasPassword = existing !== undefined || JSON.stringify(body.properties).includes('"adminPassword"');
  checkSignIn(model.properties, hasPassword);
  checkOneAddress(model.properties);
  checkDisks(model.properties, model.vmSize);
  checkZones(id.id, body.location ?? existing?.location ?? '', body.zones);
  checkUnchanged(write, model);
  await checkReferences(write, model.properties, resources);
  const cores = (size: string, capacity: number): number => (findVmSize(size)?.vcpus ?? 0) * capacity;
  const before = existing ? cores(String(existing.sku?.['name']), Number(existing.sku?.['capacity'] ?? 0)) : 0;
  quota.require(id.subscriptionId ?? '', body.location ?? existing?.location ?? '', cores(model.vmSize, model.capacity) - before);
}
