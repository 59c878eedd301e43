import { type JsonObject } from '../json';
import { type Principal } from '../principal';
import { idKey, parseResourceId, type ResourceId } from '../resource-id';
import { fullTypeOf } from '../resource-registry';
import { type StoredResource } from '../resource';
import { type ResourceType, type ResourceView } from '../resource-type';
import { groupNotFound, notFound, scopeKindOf } from './placement';
import { type PipelineParts } from './pipeline-parts';

/** GET of every resource type: one, a collection, a view. */
export class ResourceReads {
  readonly #parts: PipelineParts;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
  }

  /** Throws `ResourceNotFound` or `ResourceGroupNotFound` (404). */
  async find(id: ResourceId, caller: Principal): Promise<StoredResource> {
    const type = this.#parts.registry.require(id);
    this.#parts.access.require(caller, `${fullTypeOf(type)}/read`, id.id);
    this.requireGroup(id);
    const found = await this.#parts.resources.find(id);
    if (!found) throw notFound(id);
    return found;
  }

  requireGroup(id: Pick<ResourceId, 'subscriptionId' | 'resourceGroup' | 'type'>): void {
    if (id.resourceGroup === undefined || id.type === 'subscriptions/resourceGroups') return;
    const group = this.#parts.resources.findRow(`/subscriptions/${id.subscriptionId ?? ''}/resourceGroups/${id.resourceGroup}`);
    if (!group) throw groupNotFound(id.resourceGroup);
  }

  /** As GET shows it. */
  async present(resource: StoredResource, query = new URLSearchParams()): Promise<JsonObject> {
    const type = this.#parts.registry.require(parseResourceId(resource.id));
    if (type.present) return type.present(resource, query);
    return shownPart(resource);
  }

  /** Resources of a type at `scope` (subscription, group, parent or extended resource) that the caller may read. */
  async list(type: ResourceType, scope: string, caller: Principal, query: URLSearchParams): Promise<JsonObject[]> {
    const permission = `${fullTypeOf(type)}/read`;
    if (type.collect) {
      // What holds at a scope may come from above it, where the caller has no role: the scope asked about decides.
      this.#parts.access.require(caller, permission, scope);
      const collected = await type.collect(scope, query);
      return Promise.all(collected.map((resource) => this.present(resource, query)));
    }
    const found = await this.#collect(type, scope);
    const readable = found.filter((resource) => this.#parts.access.allows(caller, permission, resource.id));
    return Promise.all(readable.map((resource) => this.present(resource, query)));
  }

  async #collect(type: ResourceType, scope: string): Promise<readonly StoredResource[]> {
    if (type.source) return type.source.list(scope);
    const below = this.#parts.resources.listByType(fullTypeOf(type), scope);
    const isChild = type.type.includes('/') && scopeKindOf(type) !== 'extension';
    return isChild ? below.filter((resource) => idKey(resource.id).startsWith(`${idKey(scope)}/`)) : below;
  }

  async view(id: ResourceId, view: ResourceView, name: string, caller: Principal, query: URLSearchParams): Promise<unknown> {
    const type = this.#parts.registry.require(id);
    this.#parts.access.require(caller, `${fullTypeOf(type)}/${name}/read`, id.id);
    this.requireGroup(id);
    const resource = await this.#parts.resources.find(id);
    if (!resource) throw notFound(id);
    return view(resource, { query, caller });
  }
}

/** A stored resource without what is never shown. */
export function shownPart(resource: StoredResource): JsonObject {
  const { hidden: _hidden, etag: _etag, ...shown } = resource;
  return shown;
}
