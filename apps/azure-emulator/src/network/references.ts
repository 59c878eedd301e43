import { ArmError } from '../arm/arm-error';
import { isJsonObject, textOf } from '../arm/json';
import { idKey, tryParseResourceId } from '../arm/resource-id';
import type { ResourceAccess } from '../arm/resource-provider';
import type { StoredResource } from '../arm/resource';

/** Types whose bodies refer to network resources. */
const REFERRING_TYPES = [
  'Microsoft.Compute/virtualMachineScaleSets',
  'Microsoft.Network/loadBalancers',
  'Microsoft.Network/natGateways',
  'Microsoft.Network/virtualNetworks',
];

/** Whether `{ "id": wanted }` stands anywhere inside `value`; a part's own id does not count as a reference to itself. */
function refersTo(value: unknown, wanted: string): boolean {
  if (Array.isArray(value)) return value.some((item) => refersTo(item, wanted));
  if (!isJsonObject(value)) return false;
  const isPart = 'properties' in value && 'name' in value;
  if (!isPart && typeof value['id'] === 'string' && idKey(value['id']) === wanted) return true;
  return Object.values(value).some((member) => refersTo(member, wanted));
}

/** What network resources point at, and who points at them. */
export class NetworkReferences {
  constructor(private readonly resources: ResourceAccess) {}

  /**
   * The resource that `owner` refers to. Throws `InvalidResourceReference` (400) when it is missing or of another type, and
   * `ReferencedResourceNotProvisioned` (409) while it is being made, changed or deleted, or when that failed.
   */
  async require(owner: string, referenced: string, fullType: string): Promise<StoredResource> {
    const id = tryParseResourceId(referenced);
    const found = id?.fullType.toLowerCase() === fullType.toLowerCase() ? await this.resources.get(referenced) : undefined;
    if (!found) {
      throw new ArmError(
        400,
        'InvalidResourceReference',
        `Resource ${referenced} referenced by resource ${owner} was not found. Please make sure that the referenced resource exists, and that ` +
          'both resources are in the same region.',
      );
    }
    const state = textOf(found.properties['provisioningState'], 'Succeeded');
    if (state === 'Succeeded') return found;
    throw new ArmError(
      409,
      'ReferencedResourceNotProvisioned',
      `Cannot proceed with operation because resource ${referenced} used by resource ${owner} is not in Succeeded state. Resource is in ${state} state.`,
    );
  }

  /** Ids of the resources that refer to `id`, `except` themselves left out. */
  usersOf(id: string, except?: string): string[] {
    const wanted = idKey(id);
    const subscription = id.split('/').slice(0, 3).join('/');
    return REFERRING_TYPES.flatMap((type) => this.resources.listByType(type, subscription))
      .filter((resource) => idKey(resource.id) !== idKey(except ?? '') && refersTo(resource.properties, wanted))
      .map((resource) => resource.id);
  }

  /** Ids of the parts (subnets, frontends, …) in `list` of resources of `fullType` that refer to `id`. */
  partsReferringTo(id: string, fullType: string, list: string): string[] {
    const wanted = idKey(id);
    const subscription = id.split('/').slice(0, 3).join('/');
    return this.resources.listByType(fullType, subscription).flatMap(({ properties }) => {
      const parts = Array.isArray(properties[list]) ? (properties[list] as unknown[]) : [];
      return parts
        .filter(isJsonObject)
        .filter((part) => refersTo(part['properties'], wanted))
        .map((part) => String(part['id']));
    });
  }
}
