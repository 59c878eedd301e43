import { randomUUID } from 'node:crypto';
import { type Collection, type Store } from '../store/store';
import { idKey, parseResourceId, tryParseResourceId, type ResourceId } from './resource-id';
import { type JsonObject } from './json';
import { type StoredResource } from './resource';
import { type ResourceRegistry } from './resource-registry';

export const newEtag = (): string => `"${randomUUID()}"`;

/** Where resources are kept: by id without case, or where their type's `source` says. */
export class ResourceStore {
  readonly #rows: Collection<StoredResource>;
  readonly #registry: ResourceRegistry;
  /** Keys of the rows of each type: roles and locks are looked for in every call and must not cost more the more there is. */
  readonly #keysByType = new Map<string, Set<string>>();

  constructor(store: Store, registry: ResourceRegistry) {
    this.#rows = store.collection('resources');
    this.#registry = registry;
    for (const { id } of this.#rows.list()) this.#index(id);
  }

  async find(id: ResourceId): Promise<StoredResource | undefined> {
    const source = this.#registry.find(id.namespace, id.type)?.source;
    return source ? source.find(id) : this.#rows.get(id.key);
  }

  /** Only what is in the store itself. */
  findRow(id: string): StoredResource | undefined {
    return this.#rows.get(idKey(id));
  }

  async save(id: ResourceId, resource: StoredResource): Promise<void> {
    const source = this.#registry.find(id.namespace, id.type)?.source;
    if (source?.save) await source.save(resource);
    else this.saveRow(resource);
  }

  saveRow(resource: StoredResource): void {
    this.#rows.put(idKey(resource.id), resource);
    this.#index(resource.id);
  }

  removeRow(id: string): void {
    this.#rows.delete(idKey(id));
    this.#keysByType.get(typeKeyOf(id))?.delete(idKey(id));
  }

  async remove(id: ResourceId): Promise<void> {
    const source = this.#registry.find(id.namespace, id.type)?.source;
    if (source?.remove) await source.remove(id);
    else this.removeRow(id.id);
  }

  /** Merges into what is stored under a new ETag. Throws when it is missing. */
  async update(id: string, change: { properties?: JsonObject; hidden?: JsonObject }): Promise<StoredResource> {
    const parsed = parseResourceId(id);
    const stored = await this.find(parsed);
    if (!stored) throw new Error(`resource ${id} is not stored`);
    const changed = merged(stored, change);
    await this.save(parsed, changed);
    return changed;
  }

  updateRow(id: string, change: { properties?: JsonObject; hidden?: JsonObject }): StoredResource {
    const stored = this.findRow(id);
    if (!stored) throw new Error(`resource ${id} is not stored`);
    const changed = merged(stored, change);
    this.saveRow(changed);
    return changed;
  }

  /** Everything below `scope`, at any depth. */
  listBelow(scope: string): readonly StoredResource[] {
    const key = idKey(scope);
    return this.#rows.list(key === '/' ? '/' : `${key}/`);
  }

  /** Stored resources of one type below `scope`. */
  listByType(fullType: string, scope: string): readonly StoredResource[] {
    const keys = [...(this.#keysByType.get(fullType.toLowerCase()) ?? [])];
    const prefix = idKey(scope) === '/' ? '/' : `${idKey(scope)}/`;
    const below = keys.filter((key) => key.startsWith(prefix)).sort();
    return below.map((key) => this.#rows.get(key)).filter((resource) => resource !== undefined);
  }

  #index(id: string): void {
    const keys = this.#keysByType.get(typeKeyOf(id)) ?? new Set();
    this.#keysByType.set(typeKeyOf(id), keys.add(idKey(id)));
  }

  /** What belongs to a group or a resource directly: not its children's children, not a sibling. */
  childrenOf(id: string): readonly StoredResource[] {
    const key = idKey(id);
    return this.listBelow(id).filter((resource) => ownerKeyOf(resource.id) === key);
  }
}

const typeKeyOf = (id: string): string => tryParseResourceId(id)?.fullType.toLowerCase() ?? '';

const merged = (stored: StoredResource, change: { properties?: JsonObject; hidden?: JsonObject }): StoredResource => ({
  ...stored,
  properties: { ...stored.properties, ...change.properties },
  hidden: { ...stored.hidden, ...change.hidden },
  etag: newEtag(),
});

/** Key of what a resource goes down with: its parent, what it extends, or its group. */
function ownerKeyOf(id: string): string | undefined {
  const parsed = tryParseResourceId(id);
  if (!parsed) return undefined;
  if (parsed.names.length > 1) return idKey(parsed.id.split('/').slice(0, -2).join('/'));
  return idKey(parsed.scope);
}
