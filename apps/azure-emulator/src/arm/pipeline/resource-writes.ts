import { ArmError } from '../arm-error';
import { asText, type JsonObject } from '../json';
import { type LongOperation } from '../long-operations';
import { type AcceptedChange } from '../resource-provider';
import { type Principal } from '../principal';
import { parentIdOf, parseResourceId, type ResourceId } from '../resource-id';
import { fullTypeOf } from '../resource-registry';
import { newEtag } from '../resource-store';
import { type ResourceBody, type StoredResource, type SystemData } from '../resource';
import { type ResourceDraft, type ResourceType, type ResourceWrite } from '../resource-type';
import { applyPatch, readResourceBody } from './body';
import { resolveIdentity } from './identities';
import { checkPreconditions, groupNotFound, normaliseLocation, notFound, placeResource, scopeKindOf } from './placement';
import { type PipelineParts } from './pipeline-parts';

export interface WriteRequest {
  readonly id: ResourceId;
  readonly method: 'PUT' | 'PATCH';
  /** Read only when authorisation, locks and place have let the request through. */
  readonly readBody: (type: ResourceType) => JsonObject;
  readonly caller: Principal;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
}

const GROUP_TYPE = 'subscriptions/resourcegroups';
const DEFAULT_NAME = /^[^<>%&\\?/\p{Cc}]{1,260}$/u;

/** PUT and PATCH of every resource type. */
export class ResourceWrites {
  readonly #parts: PipelineParts;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    parts.operations.handle(
      'write',
      (operation, signal) => this.#provision(operation, signal),
      (operation) => this.#record(operation),
    );
  }

  write(request: WriteRequest): Promise<AcceptedChange> {
    return this.#parts.queue.run(request.id.key, () => this.#accept(request));
  }

  async #accept(request: WriteRequest): Promise<AcceptedChange> {
    const { id, caller, headers } = request;
    const { registry, resources, access, locks } = this.#parts;
    const type = registry.require(id, request.query.get('api-version') ?? '');
    if (type.methods && !type.methods.includes(request.method)) throw methodNotAllowed(request.method, type);
    access.require(caller, `${fullTypeOf(type)}/write`, id.id);
    locks.require(caller, 'write', id.id);
    await this.#requirePlace(type, id);
    const existing = await resources.find(id);
    if (!existing && request.method === 'PATCH') throw notFound(id);
    checkPreconditions(existing, headers);
    const write = await this.#toWrite(type, request, existing);
    await type.validate?.(write);
    this.#requireNoOperation(id);
    const draft = (await type.draft?.(write)) ?? { properties: write.body.properties };
    const resource = this.#toResource(type, write, draft);
    // Hooks take time, in which a deletion of the group may have begun: nothing may be left behind in it.
    this.#requireLivingGroup(id);
    await resources.save(id, resource);
    const operationId = isLongRunning(type) ? this.#startOperation(type, request, resource, existing).id : undefined;
    return { resource, created: existing === undefined, operationId };
  }

  async #requirePlace(type: ResourceType, id: ResourceId): Promise<void> {
    const { resources } = this.#parts;
    if (!DEFAULT_NAME.test(id.name)) {
      throw new ArmError(
        400,
        'InvalidResourceName',
        `The resource name '${id.name}' is invalid: reserved characters or too long.`,
      );
    }
    this.#requireLivingGroup(id);
    if (id.resourceGroup === undefined && scopeKindOf(type) === 'resourceGroup') {
      throw new ArmError(
        400,
        'InvalidResourceId',
        `A resource of type '${fullTypeOf(type)}' lives in a resource group; '${id.id}' names none.`,
      );
    }
    const parentId = scopeKindOf(type) === 'extension' ? extendedResourceOf(id) : parentIdOf(id);
    if (parentId !== undefined && !(await resources.find(parseResourceId(parentId)))) {
      const message = `Failed to perform 'write' on resource(s) of type '${id.type}', because the parent resource '${parentId}' could not be found.`;
      throw new ArmError(404, 'ParentResourceNotFound', message);
    }
    if (parentId !== undefined && this.#parts.operations.runningOn(parentId)?.kind === 'delete') throw inProgress(parentId);
  }

  /** Throws `ResourceGroupNotFound` (404) or `ResourceGroupBeingDeleted` (409). */
  #requireLivingGroup(id: ResourceId): void {
    if (id.resourceGroup === undefined || id.type.toLowerCase() === GROUP_TYPE) return;
    const group = this.#parts.resources.findRow(`/subscriptions/${id.subscriptionId ?? ''}/resourceGroups/${id.resourceGroup}`);
    if (!group) throw groupNotFound(id.resourceGroup);
    if (group.properties['provisioningState'] !== 'Deleting') return;
    const message = `The resource group '${group.name}' is in deprovisioning state and cannot perform this operation.`;
    throw new ArmError(409, 'ResourceGroupBeingDeleted', message);
  }

  async #toWrite(type: ResourceType, request: WriteRequest, existing: StoredResource | undefined): Promise<ResourceWrite> {
    const { id, method, caller, query } = request;
    const sent = request.readBody(type);
    const body = method === 'PATCH' && existing ? applyPatch(existing, sent) : readResourceBody(sent);
    refuseForeignState(body, existing);
    const location = placeResource(type, id, body, existing, this.#parts.subscriptions.regionsOf(id.subscriptionId));
    const identity = await resolveIdentity(body.identity, existing?.identity, caller, this.#parts);
    const placed: ResourceBody = { ...body, ...(location === undefined ? {} : { location }) };
    if (identity === undefined) delete placed.identity;
    else placed.identity = identity;
    return { id, method, body: placed, existing, caller, query };
  }

  #requireNoOperation(id: ResourceId): void {
    if (this.#parts.operations.runningOn(id.id)) throw inProgress(id.id);
  }

  #toResource(type: ResourceType, write: ResourceWrite, draft: ResourceDraft): StoredResource {
    const { id, body, existing } = write;
    const started = type.startedState ?? (existing ? 'Updating' : 'Creating');
    return {
      ...body,
      ...draft.envelope,
      // The name of the first PUT stays, whatever the case of later ones.
      id: existing?.id ?? id.id,
      name: existing?.name ?? id.name,
      type: fullTypeOf(type),
      properties: { ...draft.properties, provisioningState: isLongRunning(type) ? started : 'Succeeded' },
      hidden: draft.hidden ?? existing?.hidden ?? {},
      etag: newEtag(),
      systemData: this.#stamp(write.caller, existing?.systemData),
    };
  }

  #stamp(caller: Principal, before: SystemData | undefined): SystemData {
    const now = this.#parts.clock.now().toISOString();
    const by = caller.displayName;
    const byType = caller.type === 'User' ? 'User' : 'Application';
    return {
      createdBy: before?.createdBy ?? by,
      createdByType: before?.createdByType ?? byType,
      createdAt: before?.createdAt ?? now,
      lastModifiedBy: by,
      lastModifiedByType: byType,
      lastModifiedAt: now,
    };
  }

  #startOperation(
    type: ResourceType,
    request: WriteRequest,
    resource: StoredResource,
    previous: StoredResource | undefined,
  ): LongOperation {
    return this.#parts.operations.start({
      kind: 'write',
      method: request.method,
      subscriptionId: request.id.subscriptionId,
      namespace: type.namespace,
      location: resource.location ?? this.#locationOfGroup(request.id),
      resourceId: resource.id,
      caller: request.caller,
      ...(previous ? { previous } : {}),
    });
  }

  #locationOfGroup(id: ResourceId): string {
    const group = this.#parts.resources.findRow(
      `/subscriptions/${id.subscriptionId ?? ''}/resourceGroups/${id.resourceGroup ?? ''}`,
    );
    return normaliseLocation(group?.location ?? 'global');
  }

  async #provision(operation: LongOperation, signal: AbortSignal): Promise<void> {
    const { registry, resources } = this.#parts;
    const id = parseResourceId(operation.resourceId);
    const type = registry.require(id);
    const resource = await resources.find(id);
    if (!resource) throw notFound(id);
    const { caller, previous } = operation;
    await type.provision?.({
      id,
      operationId: operation.id,
      caller,
      resource,
      previous,
      signal,
      update: (change) => resources.update(operation.resourceId, change),
    });
  }

  async #record(operation: LongOperation): Promise<void> {
    const exists = await this.#parts.resources.find(parseResourceId(operation.resourceId));
    if (exists) await this.#parts.resources.update(operation.resourceId, { properties: { provisioningState: operation.status } });
  }
}

const isLongRunning = (type: ResourceType): boolean => type.longRunning === true;

const inProgress = (id: string): ArmError =>
  new ArmError(
    409,
    'AnotherOperationInProgress',
    `Another operation on this or dependent resource is in progress: '${id}'. Retry when it has ended.`,
  );

const methodNotAllowed = (method: string, type: ResourceType): ArmError =>
  new ArmError(405, 'MethodNotAllowed', `The method '${method}' is not allowed on resources of type '${fullTypeOf(type)}'.`);

/** The resource that an extension hangs on; undefined when it hangs on a group, a subscription or the tenant. */
function extendedResourceOf(id: ResourceId): string | undefined {
  return /\/providers\//i.test(id.scope) ? id.scope : undefined;
}

/** A body may repeat the state that the server shows; it cannot set one. */
function refuseForeignState(body: ResourceBody, existing: StoredResource | undefined): void {
  const sent = body.properties['provisioningState'];
  if (sent === undefined || !existing || sent === existing.properties['provisioningState']) return;
  const message = `The property 'provisioningState' is read-only: it is '${String(existing.properties['provisioningState'])}' and cannot be set to '${asText(sent)}'.`;
  throw new ArmError(400, 'InvalidRequestContent', message);
}
