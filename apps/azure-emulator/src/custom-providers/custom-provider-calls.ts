import { createHash, randomUUID } from 'node:crypto';
import type { Milliseconds } from '@managed-consul/config';
import { ArmError } from '../arm/arm-error';
import { idKey } from '../arm/resource-id';
import type { Platform } from '../arm/resource-provider';
import type { StoredResource } from '../arm/resource';
import type { ServerRequest, ServerResponse } from '../server/route';
import type { Collection } from '../store/store';
import { callEndpoint, type EndpointAnswer } from './endpoint-calls';
import { MANIFEST_TYPE, NAMESPACE, parseManifest, type Manifest } from './manifest';

/** Headers that Resource Manager passes on to a resource provider. */
const PASSED_ON = ['accept-language', 'x-ms-client-request-id', 'x-ms-correlation-request-id'];

/** An address that an endpoint told its client to poll; the client polls Resource Manager instead. */
interface FollowedOperation {
  readonly url: string;
  /** The path whose call began it. */
  readonly path: string;
  readonly callerObjectId: string;
}

/** A request for something below a custom provider. */
export interface CustomRequest {
  readonly request: ServerRequest;
  readonly manifest: Manifest;
  readonly manifestId: string;
  readonly subscriptionId: string;
}

const originOf = (request: ServerRequest): string => `https://${request.headers['host'] ?? 'localhost'}`;

/** Calls of a custom provider's endpoints for a client, and the long operations that they begin. */
export class CustomProviderCalls {
  private readonly followed: Collection<FollowedOperation>;

  constructor(
    private readonly platform: Pick<Platform, 'resources' | 'store'>,
    private readonly within: Milliseconds,
  ) {
    this.followed = platform.store.collection('custom-provider-operations');
  }

  /** The manifest that `request` is about. Throws `ResourceNotFound` (404), or 409 when the provider is not ready. */
  async open(request: ServerRequest): Promise<CustomRequest> {
    const { subscriptionId = '', group = '', manifest: name = '' } = request.parameters;
    const id = `/subscriptions/${subscriptionId}/resourceGroups/${group}/providers/${MANIFEST_TYPE}/${name}`;
    const stored = await this.platform.resources.get(id);
    if (!stored) {
      const message = `The Resource '${MANIFEST_TYPE}/${name}' under resource group '${group}' was not found.`;
      throw new ArmError(404, 'ResourceNotFound', message);
    }
    requireReady(stored);
    return { request, manifest: parseManifest(stored.properties), manifestId: stored.id, subscriptionId };
  }

  /** Passes the client's request on to `endpoint`. */
  async forward({ request }: CustomRequest, endpoint: string, body?: string): Promise<EndpointAnswer> {
    const { method, path, query } = request;
    const address = `${originOf(request)}${path}?${query.toString()}`;
    const apiVersion = query.get('api-version') ?? '';
    return callEndpoint({ endpoint, method, path, apiVersion, body, headers: passedOn(request, address) }, this.within);
  }

  /** What the client is told of an endpoint's answer: addresses to poll lead back here. */
  answer({ request, subscriptionId }: CustomRequest, { status, headers, body }: EndpointAnswer): ServerResponse {
    const shown: Record<string, string> = { ...headers };
    for (const name of ['location', 'azure-asyncoperation']) {
      const url = headers[name];
      if (url !== undefined) shown[name] = this.follow(url, request, subscriptionId);
    }
    return { status, headers: shown, ...(body === undefined ? {} : { body }) };
  }

  /** Asks the endpoint how the operation stands. Who did not begin it is told that there is none. */
  async poll(request: ServerRequest): Promise<ServerResponse> {
    const { subscriptionId = '', operationId = '' } = request.parameters;
    const operation = this.followed.get(operationId);
    if (operation?.callerObjectId !== request.caller.objectId) {
      throw new ArmError(404, 'OperationNotFound', `The operation '${operationId}' could not be found.`);
    }
    const call = {
      endpoint: operation.url,
      method: 'GET',
      path: operation.path,
      apiVersion: request.query.get('api-version') ?? '',
      body: undefined,
      headers: passedOn(request, `${originOf(request)}${request.path}`),
    };
    const answer = await callEndpoint(call, this.within);
    const about = { request: { ...request, path: operation.path, caller: request.caller }, subscriptionId };
    return this.answer({ ...about, manifest: { actions: [], resourceTypes: [] }, manifestId: '' }, answer);
  }

  private follow(url: string, request: ServerRequest, subscriptionId: string): string {
    const origin = originOf(request);
    if (url.startsWith(`${origin}/`)) return url;
    const absolute = URL.parse(url);
    if (!absolute) throw new ArmError(502, 'InvalidResponse', "The custom provider's endpoint gave no address to poll.");
    const callerObjectId = request.caller.objectId;
    // The same address is always followed under the same name: polling does not pile up records.
    const digest = createHash('sha256')
      .update(`${callerObjectId} ${absolute.href} ${idKey(request.path)}`)
      .digest('hex');
    this.followed.put(digest, { url: absolute.href, path: request.path, callerObjectId });
    const apiVersion = encodeURIComponent(request.query.get('api-version') ?? '');
    return `${origin}/subscriptions/${subscriptionId}/providers/${NAMESPACE}/customOperations/${digest}?api-version=${apiVersion}`;
  }
}

function passedOn(request: ServerRequest, referer: string): Record<string, string> {
  const named = PASSED_ON.flatMap((name) => {
    const value = request.headers[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    'x-ms-correlation-request-id': randomUUID(),
    ...Object.fromEntries(named),
    referer: encodeURI(referer),
    'x-ms-client-ip-address': request.clientAddress,
  };
}

function requireReady({ id, properties }: StoredResource): void {
  const state = String(properties['provisioningState']);
  if (state === 'Succeeded') return;
  throw new ArmError(
    409,
    'ResourceProviderNotReady',
    `The custom provider '${id}' is in state '${state}'. Retry when it has ended.`,
  );
}
