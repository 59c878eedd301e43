import { type AccessControl } from '../authorization/access-control';
import { ArmError } from '../arm/arm-error';
import { parseResourceId } from '../arm/resource-id';
import { scopeKindOf, groupNotFound } from '../arm/pipeline/placement';
import { type ResourceReads } from '../arm/pipeline/resource-reads';
import { type ResourceRegistry } from '../arm/resource-registry';
import { type ResourceStore } from '../arm/resource-store';
import { type StoredResource } from '../arm/resource';
import { type Route, type ServerRequest } from '../server/route';
import { readResourceFilter } from './resource-filter';
import { resourceGroupType } from './resource-groups';

export interface ResourceRouteParts {
  readonly registry: ResourceRegistry;
  readonly resources: ResourceStore;
  readonly reads: ResourceReads;
  readonly access: AccessControl;
}

/** `GET …/resources` and `GET …/resourceGroups`: what the caller may read, and no more. */
export function resourceRoutes(parts: ResourceRouteParts): Route[] {
  const { access, reads, resources } = parts;
  const get = (pattern: string, handle: Route['handle']): Route => ({
    method: 'GET',
    pattern,
    access: { kind: 'arm', permission: undefined },
    handle,
  });
  const listBelow = async (scope: string, request: ServerRequest) => ({
    status: 200,
    body: { value: await listResources(scope, request, parts) },
  });
  return [
    get('/subscriptions/{subscriptionId}/resourceGroups', async (request) => {
      const scope = `/subscriptions/${parameter(request, 'subscriptionId')}`;
      const groups = resources
        .listByType('Microsoft.Resources/subscriptions/resourceGroups', scope)
        .filter(readResourceFilter(request.query.get('$filter')));
      const readable = groups.filter(({ id }) =>
        access.allows(request.caller, 'Microsoft.Resources/subscriptions/resourceGroups/read', id),
      );
      return { status: 200, body: { value: await Promise.all(limited(readable, request).map((group) => reads.present(group))) } };
    }),
    get('/subscriptions/{subscriptionId}/resources', (request) =>
      listBelow(`/subscriptions/${parameter(request, 'subscriptionId')}`, request),
    ),
    get('/subscriptions/{subscriptionId}/resourceGroups/{group}/resources', (request) => {
      const scope = `/subscriptions/${parameter(request, 'subscriptionId')}/resourceGroups/${parameter(request, 'group')}`;
      if (!resources.findRow(scope)) throw groupNotFound(parameter(request, 'group'));
      return listBelow(scope, request);
    }),
  ];
}

const parameter = (request: ServerRequest, name: string): string => request.parameters[name] ?? '';

/** `$top`; all fits on one page. Throws 400. */
function limited<Item>(items: readonly Item[], request: ServerRequest): readonly Item[] {
  const top = request.query.get('$top');
  if (top === null) return items;
  if (!/^[1-9]\d*$/.test(top))
    throw new ArmError(400, 'InvalidTopInQueryString', `Invalid $top '${top}' specified in the query string.`);
  return items.slice(0, Number(top));
}

async function listResources(
  scope: string,
  request: ServerRequest,
  { registry, resources, access }: ResourceRouteParts,
): Promise<object[]> {
  const holds = readResourceFilter(request.query.get('$filter'));
  const listed = resources.listBelow(scope).filter((resource) => {
    const id = parseResourceId(resource.id);
    const type = registry.find(id.namespace, id.type);
    if (!type || type === resourceGroupType) return false;
    const isListed = type.listed ?? (scopeKindOf(type) === 'resourceGroup' && !type.type.includes('/'));
    return isListed && holds(resource) && access.allows(request.caller, `${id.fullType}/read`, resource.id);
  });
  const expand = (request.query.get('$expand') ?? '').toLowerCase();
  return limited(listed, request).map((resource) => summary(resource, expand));
}

/** A resource in a list has its envelope; times and state only when `$expand` asks for them. */
function summary({ properties, hidden: _hidden, etag: _etag, systemData, ...envelope }: StoredResource, expand: string): object {
  return {
    ...envelope,
    ...(expand.includes('createdtime') ? { createdTime: systemData.createdAt } : {}),
    ...(expand.includes('changedtime') ? { changedTime: systemData.lastModifiedAt } : {}),
    ...(expand.includes('provisioningstate') ? { provisioningState: properties['provisioningState'] } : {}),
  };
}
