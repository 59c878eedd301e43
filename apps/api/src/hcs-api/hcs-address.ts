import { HCS_PROVIDER_PATH, hcsOperations } from '@managed-consul/api-contract';
import { FORWARDED_PATH } from '@managed-consul/clusters';

const CONTROLLER_PATH = HCS_PROVIDER_PATH.slice(1).replaceAll(/\{(\w+)\}/g, ':$1');

/** Where the controllers of the HCS API live, in the form that Nest takes: asked directly, and through Azure. */
export const HCS_CONTROLLER_PATHS = [CONTROLLER_PATH, `${FORWARDED_PATH.slice(1)}/:secret/${CONTROLLER_PATH}`];

/** In which Azure says what was asked for, in the clients' spelling. */
export const REQUEST_PATH_HEADER = 'x-ms-customproviders-requestpath';

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
 * The address of a resource or an action as the routes have it. Azure compares paths without regard to case, and clients send the
 * id of a resource group with doubled slashes or percent-encoded as a whole. Every other address is left as it is.
 */
export function canonicalResource(url: string): string {
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

const FORWARDED = new RegExp(`^(${FORWARDED_PATH}/[^/?]+)/*([^?]*)(\\?.*)?$`);

/**
 * The address of a request as the routes have it. One that Azure forwards says in its address or in a header what it asks for,
 * by the form of the custom provider's endpoint.
 */
export function canonicalAddress(url: string, requestPath?: string | string[]): string {
  const [, door, path = '', query = ''] = FORWARDED.exec(url) ?? [];
  if (door === undefined) return canonicalResource(url);
  const meant = path === '' && typeof requestPath === 'string' ? requestPath.split('?', 1)[0] : path;
  const resource = meant?.replace(/^\/+/, '') ?? '';
  return `${door}${resource === '' ? '' : canonicalResource(`/${resource}`)}${query}`;
}

/** Whether what is answered there has to be in the form of the HCS API. */
export const isHcsAddress = (url: string): boolean => /^\/+(subscriptions|forwarded)(\/|$)/i.test(url.split('?', 1)[0] ?? '');
