/** Instances of scale sets: their rows in Resource Manager and their machines, made, changed and removed together. */
import { randomUUID } from 'node:crypto';
import { ArmError } from '../arm/arm-error';
import type { Platform } from '../arm/resource-provider';
import { parentIdOf, parseResourceId } from '../arm/resource-id';
import type { StoredResource } from '../arm/resource';
import { newVmId, type Machine, type MachineHost } from '../machine';
import { describeMachine, INSTANCE_TYPE, instanceOf, modelOf, type InstanceHidden } from './instance.model';
import { hiddenOf, readScaleSet } from './scale-set.model';
import { chooseZone } from './scaling';

/** Rows and machines of instances. Every method may be called again after it was cut off. */
export class Instances {
  readonly #platform: Pick<Platform, 'resources' | 'clock'>;
  readonly #host: MachineHost;

  constructor(platform: Pick<Platform, 'resources' | 'clock'>, host: MachineHost) {
    this.#platform = platform;
    this.#host = host;
  }

  /** In the order of their numbers. */
  listOf(setId: string): StoredResource[] {
    const rows = this.#platform.resources.listByType(INSTANCE_TYPE, setId);
    return [...rows].sort((a, b) => Number(instanceOf(a).instanceId) - Number(instanceOf(b).instanceId));
  }

  machineOf(instance: StoredResource): Machine | undefined {
    return this.#host.find(instanceOf(instance).vmId);
  }

  /** The scale set of an instance; undefined while it is going. */
  setOf(instance: StoredResource): Promise<StoredResource | undefined> {
    return this.#platform.resources.get(parentIdOf(parseResourceId(instance.id)) ?? '');
  }

  /** A row for one more instance with the scale set's present model. Numbers are never used twice. */
  add(set: StoredResource): StoredResource {
    const { resources } = this.#platform;
    const instanceId = String(hiddenOf(resources.update(set.id, {})).nextInstanceId ?? 0);
    resources.update(set.id, { hidden: { nextInstanceId: Number(instanceId) + 1 } });
    const zone = chooseZone(set.zones ?? [], this.listOf(set.id));
    const now = this.#platform.clock.now().toISOString();
    const hidden: InstanceHidden = {
      vmId: newVmId(),
      instanceId,
      model: modelOf(set),
      systemDiskId: randomUUID().replaceAll('-', ''),
      dataDiskId: randomUUID().replaceAll('-', ''),
    };
    const row: StoredResource = {
      id: `${set.id}/virtualMachines/${instanceId}`,
      name: `${set.name}_${instanceId}`,
      type: INSTANCE_TYPE,
      location: set.location ?? '',
      tags: set.tags ?? {},
      ...(zone === undefined ? {} : { zones: [zone] }),
      etag: `"${randomUUID()}"`,
      systemData: { ...set.systemData, createdAt: now, lastModifiedAt: now },
      properties: { provisioningState: 'Creating', timeCreated: now },
      hidden,
    };
    resources.save(row);
    return row;
  }

  /** Makes the machine of a row and boots it for the first time. Throws `OSProvisioningClientError` when its custom data fails. */
  async boot(instance: StoredResource, set: StoredResource): Promise<void> {
    const { resources } = this.#platform;
    const machine = await this.#host.make(instanceOf(instance).vmId, describeMachine(instance, set));
    resources.update(instance.id, { hidden: { address: machine.record.address } });
    if (instance.properties['provisioningState'] === 'Failed') await machine.reimage();
    else await machine.provision();
    this.#recordProvisioning(instance, machine);
  }

  /** A new system disk from the model that the instance has; `withData` takes its data disks too. */
  async reimage(instance: StoredResource, withData: boolean): Promise<void> {
    const machine = this.#requireMachine(instance);
    this.#platform.resources.update(instance.id, { properties: { provisioningState: 'Updating' } });
    await machine.reimage();
    const disk = randomUUID().replaceAll('-', '');
    this.#platform.resources.update(instance.id, { hidden: { systemDiskId: disk, ...(withData ? { dataDiskId: disk } : {}) } });
    this.#recordProvisioning(instance, machine);
  }

  /** Brings one instance to the scale set's model: a new image means a new disk, a new size a restart, all else nothing. */
  async applyLatestModel(instance: StoredResource, set: StoredResource): Promise<void> {
    const before = instanceOf(instance).model;
    const model = modelOf(set);
    const updated = this.#platform.resources.update(instance.id, { hidden: { model } });
    this.#platform.resources.save({ ...updated, tags: model.tags });
    const machine = this.#requireMachine(instance);
    machine.describe(describeMachine(updated, set));
    const imageOf = (properties: unknown): string =>
      JSON.stringify((properties as { storageProfile?: { imageReference?: unknown } }).storageProfile?.imageReference);
    if (imageOf(before.properties) !== imageOf(model.properties)) await this.reimage(updated, false);
    else if (before.vmSize.toLowerCase() !== model.vmSize.toLowerCase() && machine.record.power === 'running')
      await machine.restart();
  }

  /** Ends the machine, with everything that it started, and forgets the instance. */
  async remove(instance: StoredResource): Promise<void> {
    await this.#host.delete(instanceOf(instance).vmId);
    await this.#platform.resources.remove(instance.id);
  }

  /** Ends the machine only: Resource Manager forgets the row itself. */
  async removeMachine(instance: StoredResource): Promise<void> {
    await this.#host.delete(instanceOf(instance).vmId);
  }

  /** After an instance was deleted by name: the scale set has one fewer from now on. */
  async recordCapacity(instance: StoredResource): Promise<void> {
    const set = await this.setOf(instance);
    if (!set || instanceOf(instance).removedByScaling) return;
    const capacity = this.listOf(set.id).length;
    this.#platform.resources.save({ ...set, sku: { ...set.sku, capacity } });
  }

  /** Throws `InvalidParameter` for a number that no instance has; without numbers, or with `*`, all instances are meant. */
  select(setId: string, instanceIds: unknown): StoredResource[] {
    const all = this.listOf(setId);
    if (!Array.isArray(instanceIds) || instanceIds.length === 0 || instanceIds.includes('*')) return all;
    return instanceIds.map((instanceId) => {
      const found = all.find((instance) => instanceOf(instance).instanceId === String(instanceId));
      if (found) return found;
      const message = `The provided instanceId ${String(instanceId)} is not an active Virtual Machine Scale Set VM instanceId.`;
      throw new ArmError(400, 'InvalidParameter', message, { target: 'instanceIds' });
    });
  }

  #requireMachine(instance: StoredResource): Machine {
    const machine = this.machineOf(instance);
    if (machine) return machine;
    throw new ArmError(
      409,
      'OperationNotAllowed',
      `The instance '${instance.name}' has no machine: it is being made or deleted.`,
    );
  }

  #recordProvisioning(instance: StoredResource, machine: Machine): void {
    const { state, error } = machine.record.provisioning;
    const provisioningState = state === 'failed' ? 'Failed' : 'Succeeded';
    this.#platform.resources.update(instance.id, { properties: { provisioningState } });
    if (state !== 'failed') return;
    const message = `OS Provisioning for VM '${instance.name}' failed: ${error ?? ''} The machine's console log has the details.`;
    throw new ArmError(409, 'OSProvisioningClientError', message);
  }
}

/** Capacity that the scale set asks for. */
export const capacityOf = (set: StoredResource): number =>
  readScaleSet({ sku: set.sku ?? {}, properties: set.properties }).capacity;
