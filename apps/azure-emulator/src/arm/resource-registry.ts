import { ArmError } from './arm-error';
import { type ResourceId } from './resource-id';
import { type ResourceType } from './resource-type';

const keyOf = (namespace: string, type: string): string => `${namespace}/${type}`.toLowerCase();

/** Every resource type that the emulator has. What is not here does not exist: it is refused, never skipped. */
export class ResourceRegistry {
  readonly #types = new Map<string, ResourceType>();
  readonly #namespaces = new Map<string, string>();

  /** Throws when two providers declare one type. */
  add(provider: { readonly namespace: string; readonly types: readonly ResourceType[] }): void {
    this.#namespaces.set(provider.namespace.toLowerCase(), provider.namespace);
    for (const type of provider.types) {
      const key = keyOf(type.namespace, type.type);
      if (this.#types.has(key)) throw new Error(`resource type ${type.namespace}/${type.type} is declared twice`);
      this.#types.set(key, type);
      this.#namespaces.set(type.namespace.toLowerCase(), type.namespace);
    }
  }

  find(namespace: string, type: string): ResourceType | undefined {
    return this.#types.get(keyOf(namespace, type));
  }

  /** The type of `id`. Throws `InvalidResourceNamespace` or `InvalidResourceType` (404) as Resource Manager does. */
  require(id: Pick<ResourceId, 'namespace' | 'type'>, apiVersion = ''): ResourceType {
    const found = this.find(id.namespace, id.type);
    if (found) return found;
    if (!this.#namespaces.has(id.namespace.toLowerCase())) {
      throw new ArmError(404, 'InvalidResourceNamespace', `The resource namespace '${id.namespace}' is invalid.`);
    }
    const message = `The resource type '${id.type}' could not be found in the namespace '${id.namespace}' for api version '${apiVersion}'.`;
    throw new ArmError(404, 'InvalidResourceType', message);
  }

  namespaces(): readonly string[] {
    return [...this.#namespaces.values()].sort();
  }

  typesOf(namespace: string): readonly ResourceType[] {
    return [...this.#types.values()].filter((type) => type.namespace.toLowerCase() === namespace.toLowerCase());
  }
}

export const fullTypeOf = (type: ResourceType): string => `${type.namespace}/${type.type}`;
