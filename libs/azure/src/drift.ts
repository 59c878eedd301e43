import { z } from 'zod';
import type { TemplateResource } from './cluster-network';
import { RESOURCE_TYPES, resourceId } from './names';

/** A resource as Azure has it, in the form of its type's interface. */
export interface ResourceState {
  readonly tags: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** Where a template's resources are. */
interface Place {
  readonly subscriptionId: string;
  readonly resourceGroup: string;
}

/** Azure compares names and ids without regard to case, and so is it done here. */
const word = z.string().transform((text) => text.toLowerCase());
const reference = z.object({ id: word });
const named = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z
    .array(z.object({ name: word, properties: z.object(shape) }))
    .transform((items) => [...items].sort((one, other) => one.name.localeCompare(other.name)));
const port = z.union([z.number(), z.string()]).transform(String);
const portNumber = z.number();

/**
 * What of each type matters: what keeps the cluster reachable, closed to strangers and alive. Everything else Azure may spell
 * and complete as it likes, and the customer may add to.
 */
const MATTERS: Readonly<Record<string, z.ZodType>> = {
  [RESOURCE_TYPES.identity]: z.object({}),
  [RESOURCE_TYPES.securityGroup]: z.object({
    properties: z.object({
      securityRules: named({
        priority: z.number(),
        direction: word,
        access: word,
        protocol: word,
        sourceAddressPrefix: word,
        destinationAddressPrefix: word,
        destinationPortRange: port,
      }),
    }),
  }),
  [RESOURCE_TYPES.virtualNetwork]: z.object({
    properties: z.object({
      addressSpace: z.object({ addressPrefixes: z.array(z.string()) }),
      subnets: named({ addressPrefix: z.string(), networkSecurityGroup: reference, natGateway: reference }),
    }),
  }),
  [RESOURCE_TYPES.publicAddress]: z.object({ properties: z.object({ publicIPAllocationMethod: word }) }),
  [RESOURCE_TYPES.natGateway]: z.object({ properties: z.object({ publicIpAddresses: z.array(reference) }) }),
  [RESOURCE_TYPES.loadBalancer]: z.object({
    properties: z.object({
      loadBalancingRules: named({ protocol: word, frontendPort: portNumber, backendPort: portNumber }),
      probes: named({ protocol: word, port: portNumber }),
    }),
  }),
  [RESOURCE_TYPES.storageAccount]: z.object({
    properties: z.object({
      supportsHttpsTrafficOnly: z.boolean(),
      minimumTlsVersion: word,
      allowBlobPublicAccess: z.boolean(),
      allowSharedKeyAccess: z.boolean(),
    }),
  }),
  [RESOURCE_TYPES.scaleSet]: z.object({ properties: z.object({ upgradePolicy: z.object({ mode: word }) }) }),
};

const RESOURCE_ID = /^\[resourceId\('([^']+)', ((?:'[^']+'(?:, )?)+)\)\]$/;

/** The id that an expression of the template stands for: names and kinds take turns. */
function resolveId(expression: string, place: Place): string {
  const [, type = '', quoted = ''] = RESOURCE_ID.exec(expression) ?? [];
  if (!type) return expression;
  const [namespace = '', ...kinds] = type.split('/');
  const names = quoted.split(', ').map((name) => name.slice(1, -1));
  const [first = '', ...below] = kinds;
  const parent = resourceId(place, `${namespace}/${first}`, names[0] ?? '');
  return [parent, ...below.flatMap((kind, index) => [kind, names[index + 1] ?? ''])].join('/');
}

/** `value` with every expression that names a resource replaced by that resource's id. */
function resolveIds(value: unknown, place: Place): unknown {
  if (typeof value === 'string') return resolveId(value, place);
  if (Array.isArray(value)) return value.map((item) => resolveIds(item, place));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolveIds(item, place)]));
}

/** Where two values of the same form differ, as the path of the first difference; undefined where nowhere. */
function firstDifference(wanted: unknown, actual: unknown, path: string): string | undefined {
  if (typeof wanted !== 'object' || wanted === null || typeof actual !== 'object' || actual === null)
    return wanted === actual ? undefined : path;
  const [one, other] = [wanted as Record<string, unknown>, actual as Record<string, unknown>];
  for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const difference = firstDifference(one[key], other[key], path ? `${path}.${key}` : key);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/** Lists of named things are compared by their names, so that one more or one less is told as that. */
function byName(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items: unknown[] = value.map(byName);
    const nameOf = (item: unknown) => z.object({ name: z.string() }).safeParse(item).data?.name;
    return items.every((item) => nameOf(item) !== undefined)
      ? Object.fromEntries(items.map((item) => [nameOf(item), item]))
      : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, byName(item)]));
}

/** Whether drift is looked for in resources of this type. */
export const isCompared = ({ type }: Pick<TemplateResource, 'type'>): boolean => type in MATTERS;

/**
 * Where a resource differs from what the template asks for in what matters: the path of the first difference, undefined when it
 * is as asked for. Of types that `isCompared` does not know, nothing is said.
 */
export function findDrift(wanted: TemplateResource, actual: ResourceState, place: Place): string | undefined {
  const matters = MATTERS[wanted.type];
  if (!matters) return undefined;
  const asked = matters.parse(resolveIds(wanted, place));
  const found = matters.safeParse(actual);
  if (!found.success) return found.error.issues[0]?.path.join('.') ?? 'properties';
  return firstDifference(byName(asked), byName(found.data), '');
}
