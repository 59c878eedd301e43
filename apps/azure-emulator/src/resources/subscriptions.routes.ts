import { ArmError } from '../arm/arm-error';
import { type Principal } from '../arm/principal';
import { type ResourceRegistry } from '../arm/resource-registry';
import { type ResourceType } from '../arm/resource-type';
import { type AccessControl } from '../authorization/access-control';
import { type Directory } from '../entra/directory';
import { type Route, type ServerRequest } from '../server/route';
import { type Collection, type Store } from '../store/store';
import { type Subscription, type Subscriptions } from './subscriptions';

export interface SubscriptionRouteParts {
  readonly store: Store;
  readonly subscriptions: Subscriptions;
  readonly directory: Directory;
  readonly access: AccessControl;
  readonly registry: ResourceRegistry;
}

const READ = 'Microsoft.Resources/subscriptions/read';

/** Subscriptions, their regions and resource providers, and the caller's tenants. */
export function subscriptionRoutes(parts: SubscriptionRouteParts): Route[] {
  const { subscriptions, directory, access, registry } = parts;
  const registrations = parts.store.collection<{ namespace: string }>('provider-registrations');
  const arm = (method: string, pattern: string, handle: Route['handle'], permission?: string): Route => ({
    method,
    pattern,
    access: { kind: 'arm', permission },
    handle,
  });
  const subscriptionOf = (request: ServerRequest): Subscription =>
    subscriptions.require(request.parameters['subscriptionId'] ?? '');
  const requireSeen = (caller: Principal, subscription: Subscription): void => {
    const scope = `/subscriptions/${subscription.subscriptionId}`;
    // Any role at or below lets its holder see the subscription itself.
    if (!access.holdsRoleWithin(caller, scope)) access.require(caller, READ, scope);
  };
  const showProvider = (request: ServerRequest) => {
    requireSeen(request.caller, subscriptionOf(request));
    return { status: 200, body: toProvider(request, subscriptionOf(request), registry, registrations) };
  };
  return [
    arm('GET', '/subscriptions', ({ caller }) => {
      const seen = subscriptions
        .list()
        .filter(({ subscriptionId }) => access.holdsRoleWithin(caller, `/subscriptions/${subscriptionId}`));
      return { status: 200, body: { value: seen.map(toSubscription), count: { type: 'Total', value: seen.length } } };
    }),
    arm('GET', '/tenants', ({ caller }) => {
      const tenants = directory.listTenants().filter(({ tenantId }) => tenantId === caller.tenantId);
      const value = tenants.map(({ tenantId, displayName }) => ({
        id: `/tenants/${tenantId}`,
        tenantId,
        displayName,
        tenantCategory: 'Home',
      }));
      return { status: 200, body: { value } };
    }),
    arm('GET', '/subscriptions/{subscriptionId}', (request) => {
      requireSeen(request.caller, subscriptionOf(request));
      return { status: 200, body: toSubscription(subscriptionOf(request)) };
    }),
    arm('GET', '/subscriptions/{subscriptionId}/locations', (request) => {
      requireSeen(request.caller, subscriptionOf(request));
      return {
        status: 200,
        body: { value: subscriptionOf(request).regions.map((name) => toLocation(name, subscriptionOf(request))) },
      };
    }),
    arm('GET', '/subscriptions/{subscriptionId}/providers', (request) => {
      requireSeen(request.caller, subscriptionOf(request));
      const value = registry
        .namespaces()
        .map((namespace) => describeProvider(namespace, subscriptionOf(request), registry, registrations));
      return { status: 200, body: { value } };
    }),
    arm('GET', '/subscriptions/{subscriptionId}/providers/{namespace}', showProvider),
    arm(
      'POST',
      '/subscriptions/{subscriptionId}/providers/{namespace}/register',
      (request) => {
        const subscription = subscriptionOf(request);
        const namespace = requireNamespace(request, registry);
        registrations.put(`${subscription.subscriptionId}/${namespace.toLowerCase()}`, { namespace });
        return showProvider(request);
      },
      'Microsoft.Resources/subscriptions/providers/register/action',
    ),
  ];
}

const toSubscription = ({ subscriptionId, tenantId, displayName }: Subscription) => ({
  id: `/subscriptions/${subscriptionId}`,
  authorizationSource: 'RoleBased',
  managedByTenants: [],
  subscriptionId,
  tenantId,
  displayName,
  state: 'Enabled',
  subscriptionPolicies: { locationPlacementId: 'Public_2014-09-01', quotaId: 'PayAsYouGo_2014-09-01', spendingLimit: 'Off' },
});

const toLocation = (name: string, { subscriptionId }: Subscription) => ({
  id: `/subscriptions/${subscriptionId}/locations/${name}`,
  name,
  type: 'Region',
  displayName: name,
  regionalDisplayName: name,
  metadata: { regionType: 'Physical', regionCategory: 'Recommended' },
});

function requireNamespace(request: ServerRequest, registry: ResourceRegistry): string {
  const wanted = request.parameters['namespace'] ?? '';
  const namespace = registry.namespaces().find((one) => one.toLowerCase() === wanted.toLowerCase());
  if (namespace !== undefined) return namespace;
  throw new ArmError(404, 'InvalidResourceNamespace', `The resource namespace '${wanted}' is invalid.`);
}

const toProvider = (
  request: ServerRequest,
  subscription: Subscription,
  registry: ResourceRegistry,
  registrations: Collection<{ namespace: string }>,
): object => describeProvider(requireNamespace(request, registry), subscription, registry, registrations);

/** Namespaces that every subscription has without asking. */
const ALWAYS_REGISTERED = ['microsoft.resources', 'microsoft.authorization'];

function describeProvider(
  namespace: string,
  { subscriptionId, regions }: Subscription,
  registry: ResourceRegistry,
  registrations: Collection<{ namespace: string }>,
): object {
  const key = namespace.toLowerCase();
  const isRegistered = ALWAYS_REGISTERED.includes(key) || registrations.get(`${subscriptionId}/${key}`) !== undefined;
  const describe = (type: ResourceType) => ({
    resourceType: type.type,
    locations: regions,
    apiVersions: type.apiVersions,
    defaultApiVersion: type.apiVersions[0],
  });
  return {
    id: `/subscriptions/${subscriptionId}/providers/${namespace}`,
    namespace,
    registrationPolicy: 'RegistrationRequired',
    registrationState: isRegistered ? 'Registered' : 'NotRegistered',
    resourceTypes: registry.typesOf(namespace).map(describe),
  };
}
