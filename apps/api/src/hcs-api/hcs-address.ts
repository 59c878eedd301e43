import { HCS_PROVIDER_PATH, hcsOperations } from '@managed-consul/api-contract';

/** Below which the controllers of the HCS API live, in the form that Nest takes. */
export const HCS_CONTROLLER_PATH = HCS_PROVIDER_PATH.slice(1).replaceAll(/\{(\w+)\}/g, ':$1');

const PROVIDER =
  /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/Microsoft\.CustomProviders\/resourceProviders\/public((?:\/[^/]+){0,2})\/?$/i;

const childOf = (path: string): string => path.slice(HCS_PROVIDER_PATH.length + 1).split('/', 1)[0] ?? '';

/** Actions and the resource type, as the API writes them, by their names in lower case. */
const CHILDREN = new Map(
  Object.values(hcsOperations)
    .filter(({ path }) => path.startsWith(HCS_PROVIDER_PATH))
    .map(({ path }) => [childOf(path).toLowerCase(), childOf(path)]),
);

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path).replaceAll(/\/{2,}/g, '/');
  } catch {
    return undefined;
  }
}

/**
 * The address as the routes have it. Azure compares paths without regard to case, and clients send the id of a resource group
 * with doubled slashes or percent-encoded as a whole. Every other address is left as it is.
 */
export function canonicalAddress(url: string): string {
  const [path = '', ...query] = url.split('?');
  const found = PROVIDER.exec(decode(path) ?? '');
  if (!found) return url;
  const [, subscriptionId = '', resourceGroup = '', rest = ''] = found;
  const [child = '', ...name] = rest.split('/').slice(1);
  const segments = ['subscriptions', subscriptionId, 'resourceGroups', resourceGroup];
  segments.push('providers', 'Microsoft.CustomProviders', 'resourceProviders', 'public');
  if (child !== '') segments.push(CHILDREN.get(child.toLowerCase()) ?? child, ...name);
  return [`/${segments.map(encodeURIComponent).join('/')}`, ...query].join('?');
}

/** Whether what is answered there has to be in the form of the HCS API. */
export const isHcsAddress = (url: string): boolean => /^\/+subscriptions(\/|$)/i.test(url.split('?', 1)[0] ?? '');
