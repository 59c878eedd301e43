import { ArmError } from '../arm-error';
import { type JsonObject } from '../json';
import { type LongOperation } from '../long-operations';
import { type Principal } from '../principal';
import { parseResourceId, type ResourceId } from '../resource-id';
import { fullTypeOf } from '../resource-registry';
import { type ActionAnswer, type ActionRequest, type ResourceAction, type ResourceType } from '../resource-type';
import { groupNotFound, normaliseLocation, notFound } from './placement';
import { type PipelineParts } from './pipeline-parts';

export type ActionOutcome =
  { readonly kind: 'answer'; readonly answer: ActionAnswer } | { readonly kind: 'started'; readonly operation: LongOperation };

/** POST of actions of every resource type. */
export class ResourceActions {
  readonly #parts: PipelineParts;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    parts.operations.handle(
      'action',
      (operation, signal) => this.#perform(operation, signal),
      async () => undefined,
    );
  }

  async act(
    id: ResourceId,
    name: string,
    readBody: (type: ResourceType) => JsonObject,
    caller: Principal,
    query: URLSearchParams,
  ): Promise<ActionOutcome> {
    const type = this.#parts.registry.require(id);
    const own = await this.#findOwnAction(type, id, name);
    const action = own ?? findAction(type, name);
    this.#parts.access.require(caller, `${fullTypeOf(type)}/${name}/action`, id.id);
    this.#requireGroup(id);
    const resource = await this.#parts.resources.find(id);
    if (!resource && !action.allowMissing) throw notFound(id);
    this.#parts.locks.require(caller, 'write', id.id);
    const body = readBody(type);
    const request: ActionRequest = { id, resource, body, caller, query };
    if (action.kind === 'immediate') return { kind: 'answer', answer: await action.run(request) };
    await action.check?.(request);
    const operation = this.#parts.operations.start({
      kind: 'action',
      method: 'POST',
      subscriptionId: id.subscriptionId,
      namespace: type.namespace,
      location: normaliseLocation(resource?.location ?? 'global'),
      resourceId: resource?.id ?? id.id,
      caller,
      action: name,
      body,
    });
    return { kind: 'started', operation };
  }

  async #findOwnAction(type: ResourceType, id: ResourceId, name: string): Promise<ResourceAction | undefined> {
    if (!type.findAction) return undefined;
    const resource = await this.#parts.resources.find(id);
    return resource && type.findAction(resource, name);
  }

  #requireGroup(id: ResourceId): void {
    if (id.resourceGroup === undefined || id.type === 'subscriptions/resourceGroups') return;
    const group = this.#parts.resources.findRow(`/subscriptions/${id.subscriptionId ?? ''}/resourceGroups/${id.resourceGroup}`);
    if (!group) throw groupNotFound(id.resourceGroup);
  }

  async #perform(operation: LongOperation, signal: AbortSignal): Promise<unknown> {
    const { registry, resources } = this.#parts;
    const id = parseResourceId(operation.resourceId);
    const action = findAction(registry.require(id), operation.action ?? '');
    if (action.kind !== 'longRunning') throw new Error(`${operation.action ?? ''} is not a long-running action`);
    const resource = await resources.find(id);
    if (!resource && !action.allowMissing) throw notFound(id);
    return action.perform({
      id,
      operationId: operation.id,
      caller: operation.caller,
      // An action with `allowMissing` reads its body, not the resource.
      resource: resource ?? emptyResource(id),
      body: operation.body ?? {},
      signal,
      update: (change) => resources.update(operation.resourceId, change),
    });
  }
}

/** Throws `InvalidResourceType`-like 404 for an action that the type does not have. */
function findAction(type: ResourceType, name: string): ResourceAction {
  const entry = Object.entries(type.actions ?? {}).find(([key]) => key.toLowerCase() === name.toLowerCase());
  if (entry) return entry[1];
  throw new ArmError(404, 'InvalidResourceType', `The resource type '${fullTypeOf(type)}' has no action '${name}'.`);
}

const emptyResource = (id: ResourceId) => ({
  id: id.id,
  name: id.name,
  type: id.fullType,
  properties: {},
  hidden: {},
  etag: '',
  systemData: { createdBy: '', createdByType: '', createdAt: '', lastModifiedBy: '', lastModifiedByType: '', lastModifiedAt: '' },
});
