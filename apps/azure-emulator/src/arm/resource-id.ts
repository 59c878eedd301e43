import { ArmError } from './arm-error';

/** An id cut into its parts; `id` keeps the case it was written in, `key` is what ids are compared by. */
export interface ResourceId {
  /** `/subscriptions/…/providers/Microsoft.Compute/virtualMachineScaleSets/a/virtualMachines/0` */
  readonly id: string;
  /** The id in lower case. */
  readonly key: string;
  readonly subscriptionId: string | undefined;
  readonly resourceGroup: string | undefined;
  /** What an extension resource (lock, role assignment) hangs on, else the group, subscription or tenant. */
  readonly scope: string;
  readonly namespace: string;
  /** Without the namespace: `virtualMachineScaleSets/virtualMachines`. */
  readonly type: string;
  /** `Microsoft.Compute/virtualMachineScaleSets/virtualMachines` */
  readonly fullType: string;
  /** One a type segment: `['a', '0']`. */
  readonly names: readonly string[];
  readonly name: string;
}

/** Ids compare without case. */
export const idKey = (id: string): string => `/${id.split('/').filter(Boolean).join('/')}`.toLowerCase();

export const sameId = (left: string, right: string): boolean => idKey(left) === idKey(right);

/** The id of the resource that `id` is a child of; undefined for a top-level resource. */
export function parentIdOf(id: ResourceId): string | undefined {
  if (id.names.length < 2) return undefined;
  return id.id.split('/').slice(0, -2).join('/');
}

const groupOf = (segments: readonly string[]): string | undefined =>
  segments[0]?.toLowerCase() === 'subscriptions' && segments[2]?.toLowerCase() === 'resourcegroups' ? segments[3] : undefined;

const subscriptionOf = (segments: readonly string[]): string | undefined =>
  segments[0]?.toLowerCase() === 'subscriptions' ? segments[1] : undefined;

/** A group is a resource like any other, but for the form of its id. */
const groupId = (segments: readonly string[]): ResourceId => ({
  id: `/${segments.join('/')}`,
  key: `/${segments.join('/')}`.toLowerCase(),
  subscriptionId: segments[1],
  resourceGroup: segments[3],
  scope: `/${segments.slice(0, 2).join('/')}`,
  namespace: 'Microsoft.Resources',
  type: 'subscriptions/resourceGroups',
  fullType: 'Microsoft.Resources/subscriptions/resourceGroups',
  names: [segments[3] as string],
  name: segments[3] as string,
});

/** Reads `…/providers/{namespace}/{type}/{name}[/{type}/{name}…]`; undefined when `path` is not the id of a resource. */
export function tryParseResourceId(path: string): ResourceId | undefined {
  const segments = path.split('/').filter(Boolean);
  if (segments.length === 4 && groupOf(segments) !== undefined) return groupId(segments);
  const at = segments.findLastIndex((segment, index) => index % 2 === 0 && segment.toLowerCase() === 'providers');
  if (at < 0) return undefined;
  const namespace = segments[at + 1];
  const rest = segments.slice(at + 2);
  if (namespace === undefined || rest.length < 2 || rest.length % 2 !== 0) return undefined;
  const type = rest.filter((_, index) => index % 2 === 0).join('/');
  const names = rest.filter((_, index) => index % 2 === 1);
  const id = `/${segments.join('/')}`;
  return {
    id,
    key: id.toLowerCase(),
    subscriptionId: subscriptionOf(segments),
    resourceGroup: groupOf(segments),
    scope: `/${segments.slice(0, at).join('/')}`,
    namespace,
    type,
    fullType: `${namespace}/${type}`,
    names,
    name: names.at(-1) as string,
  };
}

/** As `tryParseResourceId`. Throws `InvalidResourceId` (400). */
export function parseResourceId(path: string): ResourceId {
  const parsed = tryParseResourceId(path);
  if (parsed) return parsed;
  throw new ArmError(
    400,
    'LinkedInvalidPropertyId',
    `Property id '${path}' at path '' is invalid. Expect fully qualified resource Id.`,
  );
}
