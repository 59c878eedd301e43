import { isJsonObject, textOf, type JsonObject } from '../arm/json';
import { parentIdOf, type ResourceId } from '../arm/resource-id';
import type { ResourceAccess } from '../arm/resource-provider';
import type { StoredResource } from '../arm/resource';
import type { ResourceSource } from '../arm/resource-type';

/** The parts of a stored parent, e.g. its subnets. */
export const partsOf = (parent: StoredResource | undefined, list: string): JsonObject[] => {
  const parts = parent?.properties[list];
  return Array.isArray(parts) ? parts.filter(isJsonObject) : [];
};

const sameName = (part: JsonObject, name: string): boolean => String(part['name']).toLowerCase() === name.toLowerCase();

function toResource(parent: StoredResource, fullType: string, part: JsonObject): StoredResource {
  return {
    id: String(part['id']),
    name: String(part['name']),
    type: fullType,
    etag: textOf(part['etag'], parent.etag).replace(/^W\//, ''),
    systemData: parent.systemData,
    properties: isJsonObject(part['properties']) ? part['properties'] : {},
    hidden: {},
  };
}

/** Child resources that are members of a list in their parent's properties, as all children of network resources are. */
export function partsInParent(resources: ResourceAccess, fullType: string, list: string): ResourceSource {
  const parentOf = async (id: Pick<ResourceId, 'id' | 'names'>): Promise<StoredResource | undefined> =>
    resources.get(parentIdOf(id as ResourceId) ?? '');
  return {
    async find(id) {
      const parent = await parentOf(id);
      const part = partsOf(parent, list).find((candidate) => sameName(candidate, id.name));
      return parent && part ? toResource(parent, fullType, part) : undefined;
    },
    async list(parentId) {
      const parent = await resources.get(parentId);
      return parent ? partsOf(parent, list).map((part) => toResource(parent, fullType, part)) : [];
    },
    async save(resource) {
      const parentId = resource.id.split('/').slice(0, -2).join('/');
      const others = partsOf(await resources.get(parentId), list);
      const { id, name, type, etag, properties } = resource;
      const part: JsonObject = { id, name, type, etag: `W/${etag}`, properties };
      const position = others.findIndex((candidate) => sameName(candidate, name));
      const parts = position < 0 ? [...others, part] : others.with(position, part);
      resources.update(parentId, { properties: { [list]: parts } });
    },
    async remove(id) {
      const parent = await parentOf(id);
      if (!parent) return;
      resources.update(parent.id, {
        properties: { [list]: partsOf(parent, list).filter((part) => !sameName(part, id.name)) },
      });
    },
  };
}
