import { ArmError } from '../arm-error';
import { type ResourceId } from '../resource-id';
import { fullTypeOf } from '../resource-registry';
import { type ResourceBody, type StoredResource } from '../resource';
import { type ResourceType } from '../resource-type';

/** `West Europe` and `westeurope` are one region. */
export const normaliseLocation = (location: string): string => location.toLowerCase().replace(/\s+/g, '');

export const scopeKindOf = (type: ResourceType): NonNullable<ResourceType['scope']> => type.scope ?? 'resourceGroup';

function locationRule(type: ResourceType): NonNullable<ResourceType['location']> {
  return type.location ?? (scopeKindOf(type) === 'resourceGroup' && !type.type.includes('/') ? 'required' : 'none');
}

/**
 * The location that a resource gets. Throws `LocationRequired`, `LocationNotAvailableForResourceType` (400) or
 * `InvalidResourceLocation` (409: a resource cannot move).
 */
export function placeResource(
  type: ResourceType,
  id: ResourceId,
  body: ResourceBody,
  existing: StoredResource | undefined,
  regions: readonly string[],
): string | undefined {
  const rule = locationRule(type);
  if (rule === 'none') return existing?.location;
  if (body.location === undefined) {
    if (rule === 'optional' || existing) return existing?.location;
    throw new ArmError(400, 'LocationRequired', 'The location property is required for this definition.');
  }
  const location = normaliseLocation(body.location);
  if (!regions.includes(location) && !(rule === 'optional' && location === 'global')) {
    const message = `The provided location '${body.location}' is not available for resource type '${fullTypeOf(type)}'. List of available regions for the resource type is '${regions.join(',')}'.`;
    throw new ArmError(400, 'LocationNotAvailableForResourceType', message);
  }
  if (existing?.location !== undefined && existing.location !== location) {
    const isGroup = type.type === 'subscriptions/resourceGroups';
    const message = isGroup
      ? `Invalid resource group location '${location}'. The Resource group already exists in location '${existing.location}'.`
      : `The resource '${id.name}' already exists in location '${existing.location}' in resource group '${id.resourceGroup ?? ''}'. A resource with the same name cannot be created in location '${location}'. Please select a new resource name.`;
    throw new ArmError(409, isGroup ? 'InvalidResourceGroupLocation' : 'InvalidResourceLocation', message);
  }
  return location;
}

export const notFound = (id: ResourceId): ArmError => {
  if (id.type === 'subscriptions/resourceGroups') return groupNotFound(id.name);
  const where = id.resourceGroup === undefined ? '' : ` under resource group '${id.resourceGroup}'`;
  const message = `The Resource '${id.fullType}/${id.names.join('/')}'${where} was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`;
  return new ArmError(404, 'ResourceNotFound', message);
};

export const groupNotFound = (name: string): ArmError =>
  new ArmError(404, 'ResourceGroupNotFound', `Resource group '${name}' could not be found.`);

/** Conditional requests. Throws 412. */
export function checkPreconditions(existing: StoredResource | undefined, headers: Readonly<Record<string, string>>): void {
  const ifMatch = headers['if-match'];
  const ifNoneMatch = headers['if-none-match'];
  const isFailed = (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== existing?.etag) || (ifMatch === '*' && !existing);
  const exists = ifNoneMatch === '*' && existing !== undefined;
  if (!isFailed && !exists) return;
  throw new ArmError(
    412,
    'PreconditionFailed',
    'The condition of If-Match or If-None-Match does not hold for the resource as it is.',
  );
}
