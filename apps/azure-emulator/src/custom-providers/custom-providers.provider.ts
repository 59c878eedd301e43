import { seconds } from '@managed-consul/config';
import { ArmError } from '../arm/arm-error';
import type { Platform, ResourceProvider } from '../arm/resource-provider';
import type { StoredResource } from '../arm/resource';
import type { ResourceAction, ResourceType } from '../arm/resource-type';
import type { Route, ServerRequest, ServerResponse } from '../server/route';
import { CustomProviderCalls, type CustomRequest } from './custom-provider-calls';
import { CustomResources } from './custom-resources';
import { callEndpoint } from './endpoint-calls';
import { API_VERSIONS, MANIFEST_TYPE, NAMESPACE, parseManifest, requireAction, requireResourceType } from './manifest';

type CustomProvidersPlatform = Pick<Platform, 'settings' | 'resources' | 'store' | 'access' | 'locks'>;

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{2,63}$/;

/**
 * `Microsoft.CustomProviders`: resource types and actions of one's own below a resource, answered by an endpoint that Resource
 * Manager calls. The endpoint learns what was asked and by which request, never by whom: the client's token stays here.
 */
export const customProvidersProvider = (platform: CustomProvidersPlatform): ResourceProvider => {
  const within = seconds(platform.settings.EMULATOR_CUSTOM_PROVIDER_SECONDS);
  const calls = new CustomProviderCalls(platform, within);
  const resources = new CustomResources(platform, calls);
  return {
    namespace: NAMESPACE,
    types: [resourceProviders(resources, within)],
    routes: customRoutes(platform, calls, resources),
  };
};

const resourceProviders = (resources: CustomResources, within: number): ResourceType => ({
  namespace: NAMESPACE,
  type: 'resourceProviders',
  apiVersions: API_VERSIONS,
  longRunning: true,

  validate({ id, body }) {
    parseManifest(body.properties);
    if (NAME.test(id.name)) return;
    const message = `The resource name '${id.name}' is invalid: 3 to 64 letters, digits, '.', '_' and '-', first a letter or digit.`;
    throw new ArmError(400, 'InvalidResourceName', message);
  },

  onDeleted: ({ id }) => resources.forget(id),

  // Over HTTPS the routes below answer; this serves `list…` functions in templates.
  findAction: (resource, name) => templateAction(resource, name, within),
});

function templateAction(resource: StoredResource, name: string, within: number): ResourceAction | undefined {
  const declared = parseManifest(resource.properties).actions.find((action) => action.name.toLowerCase() === name.toLowerCase());
  if (!declared) return undefined;
  return {
    kind: 'immediate',
    run: async ({ body, query }) => {
      const call = {
        endpoint: declared.endpoint,
        method: 'POST',
        path: `${resource.id}/${declared.name}`,
        apiVersion: query.get('api-version') ?? API_VERSIONS[0],
        body: JSON.stringify(body),
        headers: {},
      };
      const answer = await callEndpoint(call, within);
      if (answer.status === 200) return { status: 200, body: answer.body };
      throw new ArmError(409, 'CustomActionFailed', `The action '${name}' of '${resource.id}' answered ${answer.status}.`);
    },
  };
}

const MANIFEST = `/subscriptions/{subscriptionId}/resourceGroups/{group}/providers/${MANIFEST_TYPE}/{manifest}`;

type Handle = (about: CustomRequest) => Promise<ServerResponse>;

function customRoutes(platform: CustomProvidersPlatform, calls: CustomProviderCalls, resources: CustomResources): Route[] {
  const { access, locks } = platform;
  const arm = (method: string, pattern: string, handle: Route['handle']): Route => ({
    method,
    pattern,
    access: { kind: 'arm', permission: undefined },
    handle,
  });
  const { read, change } = permissions(access, locks);
  /** The permission is asked before anybody learns whether the provider exists. */
  const route = (method: string, tail: string, allow: (request: ServerRequest) => void, handle: Handle): Route =>
    arm(method, `${MANIFEST}${tail}`, async (request) => {
      allow(request);
      return handle(await calls.open(request));
    });
  const typed = (work: 'read' | 'write' | 'remove') => (about: CustomRequest) =>
    resources[work](
      about,
      requireResourceType(about.manifest, parameter(about.request, 'type')),
      parameter(about.request, 'name'),
    );
  const act = (action: (request: ServerRequest) => string) => async (about: CustomRequest) => {
    const { endpoint } = requireAction(about.manifest, action(about.request));
    return calls.answer(about, await calls.forward(about, endpoint, JSON.stringify(about.request.json())));
  };
  const nested = (request: ServerRequest) => `${parameter(request, 'type')}/${parameter(request, 'action')}`;
  return [
    route('GET', '/{type}', read, (about) =>
      resources.list(about, requireResourceType(about.manifest, parameter(about.request, 'type'))),
    ),
    route('GET', '/{type}/{name}', read, typed('read')),
    route('PUT', '/{type}/{name}', change('write', 'write'), typed('write')),
    route('DELETE', '/{type}/{name}', change('delete', 'delete'), typed('remove')),
    route(
      'POST',
      '/{action}',
      change('action', 'write'),
      act((request) => parameter(request, 'action')),
    ),
    route('POST', '/{type}/{name}/{action}', change('action', 'write'), act(nested)),
    arm('GET', `/subscriptions/{subscriptionId}/providers/${NAMESPACE}/customOperations/{operationId}`, (request) =>
      calls.poll(request),
    ),
  ];
}

const parameter = (request: ServerRequest, name: string): string => request.parameters[name] ?? '';

/** `Microsoft.CustomProviders/resourceProviders/{type or action}/{verb}`, and the locks that hold at the path. */
function permissions(access: Platform['access'], locks: Platform['locks']) {
  const requirePermission = (request: ServerRequest, verb: string): void => {
    const { type, action } = request.parameters;
    const what = [type, action].filter((part) => part !== undefined).join('/');
    access.require(request.caller, `${MANIFEST_TYPE}/${what}/${verb}`, request.path);
  };
  return {
    read: (request: ServerRequest): void => requirePermission(request, 'read'),
    change:
      (verb: 'write' | 'delete' | 'action', lock: 'write' | 'delete') =>
      (request: ServerRequest): void => {
        requirePermission(request, verb);
        locks.require(request.caller, lock, request.path);
      },
  };
}
