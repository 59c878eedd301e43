import { type ServerRequest, type ServerResponse } from '../../server/route';
import { ArmError } from '../arm-error';
import { type LongOperations } from '../long-operations';
import { tryParseResourceId, type ResourceId } from '../resource-id';
import { type ResourceRegistry } from '../resource-registry';
import { type ResourceType } from '../resource-type';
import { type AsyncAnswers } from './async-answers';
import { notFound } from './placement';
import { type ResourceActions } from './resource-actions';
import { type ResourceDeletes } from './resource-deletes';
import { type ResourceReads } from './resource-reads';
import { type ResourceWrites } from './resource-writes';

export interface DispatcherParts {
  readonly registry: ResourceRegistry;
  readonly reads: ResourceReads;
  readonly writes: ResourceWrites;
  readonly deletes: ResourceDeletes;
  readonly actions: ResourceActions;
  readonly operations: LongOperations;
  readonly answers: AsyncAnswers;
}

/** What a path means: a resource, something below one (action, view, child collection), or a collection at a scope. */
type Target =
  | { readonly kind: 'resource'; readonly id: ResourceId }
  | { readonly kind: 'below'; readonly id: ResourceId; readonly name: string }
  | { readonly kind: 'collection'; readonly scope: string; readonly namespace: string; readonly type: string };

function readTarget(path: string): Target | undefined {
  const id = tryParseResourceId(path);
  if (id) return { kind: 'resource', id };
  const segments = path.split('/').filter(Boolean);
  const at = segments.findLastIndex((segment) => segment.toLowerCase() === 'providers');
  const [namespace, type, ...rest] = segments.slice(at + 1);
  if (at >= 0 && namespace !== undefined && type !== undefined && rest.length === 0) {
    return { kind: 'collection', scope: `/${segments.slice(0, at).join('/')}`, namespace, type };
  }
  const owner = tryParseResourceId(`/${segments.slice(0, -1).join('/')}`);
  return owner && { kind: 'below', id: owner, name: segments.at(-1) as string };
}

/** Turns requests on resources into calls of the pipeline, and its outcomes into answers. */
export class ResourceDispatcher {
  readonly #parts: DispatcherParts;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  async handle(request: ServerRequest): Promise<ServerResponse> {
    const target = readTarget(request.path);
    if (!target) throw unknownAddress(request.path);
    switch (target.kind) {
      case 'resource':
        return this.#onResource(request, target.id);
      case 'collection':
        return this.#onCollection(request, target);
      case 'below':
        return this.#onBelow(request, target.id, target.name);
    }
  }

  async #onResource(request: ServerRequest, id: ResourceId): Promise<ServerResponse> {
    const { method, caller, query } = request;
    switch (method) {
      case 'GET': {
        const resource = await this.#parts.reads.find(id, caller);
        return { status: 200, headers: { etag: resource.etag }, body: await this.#parts.reads.present(resource, query) };
      }
      case 'HEAD':
        return this.#exists(request, id);
      case 'PUT':
      case 'PATCH':
        return this.#write(request, id, method);
      case 'DELETE':
        return this.#delete(request, id);
      default:
        this.#parts.registry.require(id, apiVersionOf(query));
        throw new ArmError(405, 'MethodNotAllowed', `The method '${method}' is not allowed on '${request.path}'.`);
    }
  }

  /** HEAD has no body to say why: 204 exists, 404 does not. */
  async #exists(request: ServerRequest, id: ResourceId): Promise<ServerResponse> {
    try {
      await this.#parts.reads.find(id, request.caller);
      return { status: 204 };
    } catch (error) {
      if (error instanceof ArmError && error.status === 404) return { status: 404 };
      throw error;
    }
  }

  async #write(request: ServerRequest, id: ResourceId, method: 'PUT' | 'PATCH'): Promise<ServerResponse> {
    const { caller, query, headers } = request;
    const readBody = (type: ResourceType) => readBodyOf(request, type);
    const { resource, created, operationId } = await this.#parts.writes.write({ id, method, readBody, caller, query, headers });
    const body = await this.#parts.reads.present(resource, query);
    const operation = operationId === undefined ? undefined : this.#parts.operations.find(operationId);
    const links = operation ? this.#parts.answers.headers(operation, request, method === 'PATCH') : {};
    const status = created ? 201 : method === 'PATCH' && operation ? 202 : 200;
    return { status, headers: { etag: resource.etag, ...links }, body };
  }

  async #delete(request: ServerRequest, id: ResourceId): Promise<ServerResponse> {
    const outcome = await this.#parts.deletes.delete(id, request.caller, request.headers);
    if (!outcome) {
      // A group that is missing is an error, any other resource is not.
      if (id.type === 'subscriptions/resourceGroups') throw notFound(id);
      return { status: 204 };
    }
    const operation = outcome.operationId === undefined ? undefined : this.#parts.operations.find(outcome.operationId);
    return operation ? { status: 202, headers: this.#parts.answers.headers(operation, request, true) } : { status: 200 };
  }

  async #onCollection(request: ServerRequest, target: Extract<Target, { kind: 'collection' }>): Promise<ServerResponse> {
    const type = this.#parts.registry.require(target, apiVersionOf(request.query));
    if (request.method !== 'GET')
      throw new ArmError(405, 'MethodNotAllowed', `The method '${request.method}' is not allowed on '${request.path}'.`);
    const group = /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)/i.exec(target.scope);
    if (group) this.#parts.reads.requireGroup({ subscriptionId: group[1], resourceGroup: group[2], type: type.type });
    return { status: 200, body: { value: await this.#parts.reads.list(type, target.scope, request.caller, request.query) } };
  }

  async #onBelow(request: ServerRequest, id: ResourceId, name: string): Promise<ServerResponse> {
    const { caller, query, method } = request;
    const owner = this.#parts.registry.require(id, apiVersionOf(query));
    if (method === 'POST') return this.#act(request, id, name);
    if (method !== 'GET') throw unknownAddress(request.path);
    const view = Object.entries(owner.views ?? {}).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
    if (view) return { status: 200, body: await this.#parts.reads.view(id, view, name, caller, query) };
    const type = this.#parts.registry.require({ namespace: id.namespace, type: `${id.type}/${name}` }, apiVersionOf(query));
    await this.#parts.reads.find(id, caller);
    return { status: 200, body: { value: await this.#parts.reads.list(type, id.id, caller, query) } };
  }

  async #act(request: ServerRequest, id: ResourceId, name: string): Promise<ServerResponse> {
    const readBody = (type: ResourceType) => readBodyOf(request, type);
    const outcome = await this.#parts.actions.act(id, name, readBody, request.caller, request.query);
    if (outcome.kind === 'answer') return outcome.answer;
    return { status: 202, headers: this.#parts.answers.headers(outcome.operation, request, true) };
  }
}

const apiVersionOf = (query: URLSearchParams): string => query.get('api-version') ?? '';

const readBodyOf = (request: ServerRequest, type: ResourceType) =>
  type.parseBody ? type.parseBody(request.bodyText) : request.json();

const unknownAddress = (path: string): ArmError =>
  new ArmError(404, 'NotFound', `There is no resource or operation at '${path}'.`);
