import { ArmError, type ArmErrorDetail } from './arm-error';
import { type JsonObject } from './json';
import { type LongOperations } from './long-operations';
import { type AcceptedChange, type ResourceAccess } from './resource-provider';
import { type Principal } from './principal';
import { parseResourceId } from './resource-id';
import { type ResourceRegistry } from './resource-registry';
import { type ResourceStore } from './resource-store';
import { type StoredResource } from './resource';
import { type ResourceType } from './resource-type';
import { type ResourceActions } from './pipeline/resource-actions';
import { type ResourceDeletes } from './pipeline/resource-deletes';
import { type ResourceReads } from './pipeline/resource-reads';
import { type ResourceWrites } from './pipeline/resource-writes';

export interface InProcessParts {
  readonly registry: ResourceRegistry;
  readonly resources: ResourceStore;
  readonly operations: LongOperations;
  readonly reads: ResourceReads;
  readonly writes: ResourceWrites;
  readonly deletes: ResourceDeletes;
  readonly actions: ResourceActions;
}

/** The pipeline without HTTP, for providers that make resources of other providers. */
export class InProcessAccess implements ResourceAccess {
  readonly #parts: InProcessParts;

  constructor(parts: InProcessParts) {
    this.#parts = parts;
  }

  put(id: string, body: JsonObject, caller: Principal): Promise<AcceptedChange> {
    const copy = structuredClone(body);
    return this.#parts.writes.write({
      id: parseResourceId(id),
      method: 'PUT',
      readBody: () => copy,
      caller,
      query: new URLSearchParams(),
      headers: {},
    });
  }

  delete(id: string, caller: Principal): Promise<{ operationId: string | undefined } | undefined> {
    return this.#parts.deletes.delete(parseResourceId(id), caller);
  }

  async act(id: string, action: string, body: JsonObject, caller: Principal): Promise<unknown> {
    const outcome = await this.#parts.actions.act(parseResourceId(id), action, () => body, caller, new URLSearchParams());
    if (outcome.kind === 'answer') return outcome.answer.body;
    const ended = await this.#parts.operations.waitFor(outcome.operation.id);
    if (ended.status === 'Succeeded') return ended.result;
    const error = (ended.error ?? {}) as Partial<ArmErrorDetail>;
    throw new ArmError(409, error.code ?? 'OperationFailed', error.message ?? 'The operation did not succeed.');
  }

  findType(fullType: string): ResourceType | undefined {
    const at = fullType.indexOf('/');
    return this.#parts.registry.find(fullType.slice(0, at), fullType.slice(at + 1));
  }

  get(id: string): Promise<StoredResource | undefined> {
    return this.#parts.resources.find(parseResourceId(id));
  }

  present(resource: StoredResource): Promise<JsonObject> {
    return this.#parts.reads.present(resource);
  }

  listByGroup(subscriptionId: string, resourceGroup: string): readonly StoredResource[] {
    return this.#parts.resources.childrenOf(`/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`);
  }

  listByType(fullType: string, scope: string): readonly StoredResource[] {
    return this.#parts.resources.listByType(fullType, scope);
  }

  save(resource: StoredResource): void {
    this.#parts.resources.saveRow(resource);
  }

  update(id: string, change: { properties?: JsonObject; hidden?: JsonObject }): StoredResource {
    return this.#parts.resources.updateRow(id, change);
  }

  async remove(id: string): Promise<void> {
    const resource = await this.get(id);
    if (resource) await this.#parts.deletes.remove(resource);
  }
}
