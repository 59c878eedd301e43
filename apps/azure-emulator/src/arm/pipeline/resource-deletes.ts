import { ArmError } from '../arm-error';
import { type LongOperation } from '../long-operations';
import { type Principal } from '../principal';
import { idKey, parseResourceId, type ResourceId } from '../resource-id';
import { fullTypeOf } from '../resource-registry';
import { type StoredResource } from '../resource';
import { type ResourceType } from '../resource-type';
import { checkPreconditions, groupNotFound, normaliseLocation } from './placement';
import { type PipelineParts } from './pipeline-parts';

interface Removal {
  readonly operationId: string;
  readonly caller: Principal;
  readonly signal: AbortSignal;
}

/** DELETE of every resource type, with all that hangs on it. */
export class ResourceDeletes {
  readonly #parts: PipelineParts;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    parts.operations.handle(
      'delete',
      (operation, signal) => this.#perform(operation, signal),
      (operation) => this.#record(operation),
    );
  }

  /** Undefined: there was nothing. A deletion that already runs is joined; an unfinished write is overtaken. */
  delete(
    id: ResourceId,
    caller: Principal,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ operationId: string | undefined } | undefined> {
    return this.#parts.queue.run(id.key, () => this.#accept(id, caller, headers));
  }

  async #accept(
    id: ResourceId,
    caller: Principal,
    headers: Readonly<Record<string, string>>,
  ): Promise<{ operationId: string | undefined } | undefined> {
    const { registry, resources, access, locks, operations } = this.#parts;
    const type = registry.require(id);
    if (type.methods && !type.methods.includes('DELETE')) {
      throw new ArmError(
        405,
        'MethodNotAllowed',
        `The method 'DELETE' is not allowed on resources of type '${fullTypeOf(type)}'.`,
      );
    }
    access.require(caller, `${fullTypeOf(type)}/delete`, id.id);
    this.#requireGroup(type, id);
    const existing = await resources.find(id);
    if (!existing) return undefined;
    checkPreconditions(existing, headers);
    locks.require(caller, 'delete', id.id);
    const running = operations.runningOn(id.id);
    if (running?.kind === 'delete') return { operationId: running.id };
    await type.beforeDelete?.(existing);
    if (!type.longRunning) {
      await this.#removeTree(existing, { operationId: '', caller, signal: new AbortController().signal });
      return { operationId: undefined };
    }
    if (running) await operations.cancel(running.id);
    await resources.update(existing.id, { properties: { provisioningState: 'Deleting' } });
    const operation = operations.start({
      kind: 'delete',
      method: 'DELETE',
      subscriptionId: id.subscriptionId,
      namespace: type.namespace,
      location: normaliseLocation(existing.location ?? 'global'),
      resourceId: existing.id,
      caller,
    });
    return { operationId: operation.id };
  }

  #requireGroup(type: ResourceType, id: ResourceId): void {
    if (id.resourceGroup === undefined || type.type === 'subscriptions/resourceGroups') return;
    const groupId = `/subscriptions/${id.subscriptionId ?? ''}/resourceGroups/${id.resourceGroup}`;
    if (!this.#parts.resources.findRow(groupId)) throw groupNotFound(id.resourceGroup);
  }

  async #perform(operation: LongOperation, signal: AbortSignal): Promise<void> {
    const id = parseResourceId(operation.resourceId);
    const removal = { operationId: operation.id, caller: operation.caller, signal };
    const existing = await this.#parts.resources.find(id);
    if (!existing) return;
    if (id.type === 'subscriptions/resourceGroups') await this.#emptyGroup(existing, removal);
    await this.#removeTree(existing, removal);
  }

  /** Deletes what is in the group in rounds: what another resource still uses refuses at first and goes in a later one. */
  async #emptyGroup(group: StoredResource, removal: Removal): Promise<void> {
    for (;;) {
      const remaining = rightsLast(this.#parts.resources.childrenOf(group.id));
      if (remaining.length === 0) return;
      const refusals: ArmError[] = [];
      for (const resource of remaining) {
        removal.signal.throwIfAborted();
        const refusal = await this.#tryRemove(resource, removal);
        if (refusal) refusals.push(refusal);
      }
      if (refusals.length === remaining.length) throw groupBlocked(group.name, refusals);
    }
  }

  async #tryRemove(resource: StoredResource, removal: Removal): Promise<ArmError | undefined> {
    try {
      await this.#typeOf(resource).beforeDelete?.(resource);
    } catch (error) {
      if (error instanceof ArmError) return error;
      throw error;
    }
    await this.#removeTree(resource, removal);
    return undefined;
  }

  async #removeTree(resource: StoredResource, removal: Removal): Promise<void> {
    const { resources, operations } = this.#parts;
    const running = operations.runningOn(resource.id);
    if (running && running.id !== removal.operationId) await operations.cancel(running.id);
    for (const child of resources.childrenOf(resource.id)) await this.#removeTree(child, removal);
    const type = this.#typeOf(resource);
    const id = parseResourceId(resource.id);
    await type.deprovision?.({
      id,
      operationId: removal.operationId,
      caller: removal.caller,
      resource,
      previous: resource,
      signal: removal.signal,
      update: (change) => resources.update(resource.id, change),
    });
    await this.remove(resource);
  }

  /** Removes the row and tells the type. */
  async remove(resource: StoredResource): Promise<void> {
    await this.#parts.resources.remove(parseResourceId(resource.id));
    await this.#typeOf(resource).onDeleted?.(resource);
  }

  #typeOf(resource: StoredResource): ResourceType {
    return this.#parts.registry.require(parseResourceId(resource.id));
  }

  async #record(operation: LongOperation): Promise<void> {
    if (operation.status === 'Succeeded') return;
    const remains = await this.#parts.resources.find(parseResourceId(operation.resourceId));
    if (remains)
      await this.#parts.resources.update(remains.id, {
        properties: { provisioningState: isGroup(remains) ? 'Succeeded' : 'Failed' },
      });
  }
}

/** Who deletes a group by a role on the group must be able to follow the deletion for as long as possible. */
const rightsLast = (resources: readonly StoredResource[]): StoredResource[] => {
  const isRight = ({ type }: StoredResource): boolean => type.toLowerCase().startsWith('microsoft.authorization/');
  return [...resources.filter((one) => !isRight(one)), ...resources.filter(isRight)];
};

const isGroup = ({ id }: StoredResource): boolean => idKey(id).split('/').length === 5;

function groupBlocked(name: string, refusals: readonly ArmError[]): ArmError {
  const message = `Deletion of resource group '${name}' failed as resources with identifiers that are still in use could not be deleted. The details name what is in the way.`;
  return new ArmError(409, 'ResourceGroupDeletionBlocked', message, {
    details: refusals.map((refusal) => refusal.toErrorObject()),
  });
}
