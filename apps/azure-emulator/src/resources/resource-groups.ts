import { ArmError } from '../arm/arm-error';
import { asText } from '../arm/json';
import { type LongOperations } from '../arm/long-operations';
import { type ResourceDeletes } from '../arm/pipeline/resource-deletes';
import { normaliseLocation } from '../arm/pipeline/placement';
import { systemPrincipal } from '../arm/principal';
import { parseResourceId } from '../arm/resource-id';
import { type ResourceGroupFacts, type ResourceGroups } from '../arm/resource-provider';
import { newEtag, type ResourceStore } from '../arm/resource-store';
import { shownPart } from '../arm/pipeline/resource-reads';
import { type StoredResource } from '../arm/resource';
import { type ResourceType } from '../arm/resource-type';
import { type EmulatorClock } from '../clock/emulator-clock';

const NAME = /^[-\w.()]{0,89}[-\w()]$/u;

/** `/subscriptions/{s}/resourceGroups/{g}`: a resource like any other, which takes with it all that it holds. */
export const resourceGroupType: ResourceType = {
  namespace: 'Microsoft.Resources',
  type: 'subscriptions/resourceGroups',
  apiVersions: ['2025-04-01', '2024-03-01', '2021-04-01', '2020-06-01'],
  scope: 'subscription',
  location: 'required',
  longRunning: 'delete',

  validate({ id, existing, body }) {
    if (!NAME.test(id.name)) {
      const message = `The provided resource group name '${id.name}' has these invalid characters or ends with a period. The name can only be a letter, digit, '-', '.', '(', ')' or '_'.`;
      throw new ArmError(400, 'InvalidResourceGroupName', message);
    }
    const isMoved = existing?.managedBy !== undefined && body.managedBy !== undefined && body.managedBy !== existing.managedBy;
    if (isMoved)
      throw new ArmError(
        409,
        'ResourceGroupManagedByMismatch',
        `The resource group '${id.name}' is managed by '${String(existing.managedBy)}'.`,
      );
  },

  // A PUT without `managedBy` must not take the group from the application that manages it.
  draft: ({ existing, body }) => {
    const managedBy = body.managedBy ?? existing?.managedBy;
    return { properties: {}, envelope: managedBy === undefined ? {} : { managedBy } };
  },

  present: (group) => {
    const { systemData: _systemData, ...shown } = shownPart(group);
    return { ...shown, type: 'Microsoft.Resources/resourceGroups' };
  },
};

const groupId = (subscriptionId: string, name: string): string => `/subscriptions/${subscriptionId}/resourceGroups/${name}`;

const toFacts = ({ id, name, location, tags, managedBy }: StoredResource): ResourceGroupFacts => ({
  id,
  name,
  location: location ?? '',
  tags: tags ?? {},
  managedBy,
});

/** Resource groups for the emulator's own services: no role is asked. */
export class ResourceGroupService implements ResourceGroups {
  readonly #resources: ResourceStore;
  readonly #deletes: ResourceDeletes;
  readonly #operations: LongOperations;
  readonly #clock: EmulatorClock;

  constructor(parts: { resources: ResourceStore; deletes: ResourceDeletes; operations: LongOperations; clock: EmulatorClock }) {
    this.#resources = parts.resources;
    this.#deletes = parts.deletes;
    this.#operations = parts.operations;
    this.#clock = parts.clock;
  }

  find(subscriptionId: string, name: string): ResourceGroupFacts | undefined {
    const found = this.#resources.findRow(groupId(subscriptionId, name));
    return found && toFacts(found);
  }

  put(
    subscriptionId: string,
    name: string,
    group: { location: string; tags?: Readonly<Record<string, string>>; managedBy?: string },
  ): ResourceGroupFacts {
    const existing = this.#resources.findRow(groupId(subscriptionId, name));
    const now = this.#clock.now().toISOString();
    const by = { lastModifiedBy: systemPrincipal.displayName, lastModifiedByType: 'Application', lastModifiedAt: now };
    const stored: StoredResource = {
      id: existing?.id ?? groupId(subscriptionId, name),
      name: existing?.name ?? name,
      type: 'Microsoft.Resources/subscriptions/resourceGroups',
      location: normaliseLocation(group.location),
      tags: { ...group.tags },
      ...(group.managedBy === undefined ? {} : { managedBy: group.managedBy }),
      properties: existing?.properties ?? { provisioningState: 'Succeeded' },
      hidden: existing?.hidden ?? {},
      etag: newEtag(),
      systemData: existing
        ? { ...existing.systemData, ...by }
        : { createdBy: by.lastModifiedBy, createdByType: 'Application', createdAt: now, ...by },
    };
    this.#resources.saveRow(stored);
    return toFacts(stored);
  }

  async delete(subscriptionId: string, name: string, signal: AbortSignal): Promise<void> {
    const started = await this.#deletes.delete(parseResourceId(groupId(subscriptionId, name)), systemPrincipal);
    if (started?.operationId === undefined) return;
    const ended = await this.#operations.waitFor(started.operationId, signal);
    if (ended.status === 'Succeeded') return;
    const message = asText(ended.error?.['message'], 'the group could not be deleted');
    throw new ArmError(409, asText(ended.error?.['code'], 'ResourceGroupDeletionFailed'), message);
  }
}
