import { z } from 'zod';
import { ArmError } from '../arm/arm-error';
import { textOf } from '../arm/json';
import type { StoredResource } from '../arm/resource';

export const NAMESPACE = 'Microsoft.CustomProviders';
export const MANIFEST_TYPE = `${NAMESPACE}/resourceProviders`;
export const API_VERSIONS = ['2018-09-01-preview'] as const;

/** Stands for the whole path of the request inside an endpoint. */
export const REQUEST_PATH = '{requestPath}';

/** Hosts whose endpoint may be plain HTTP, since only programs on this computer can be there. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

function isEndpoint(text: string): boolean {
  const url = URL.parse(text.replaceAll(REQUEST_PATH, 'path'));
  if (!url) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname));
}

/** `Proxy, Cache` is written with and without the space, and in any case. */
const withoutSpaces = (value: unknown): unknown => textOf(value, 'proxy').replaceAll(' ', '').toLowerCase();

const endpoint = z.string().refine(isEndpoint, 'must be an https address (http only on a loopback address)');
const word = '[A-Za-z0-9][A-Za-z0-9_.-]{0,63}';
const resourceTypeName = z.string().regex(new RegExp(`^${word}$`), 'must be letters, digits, ".", "_" and "-"');
const actionName = z.string().regex(new RegExp(`^${word}(/${word})?$`), 'must be a word, or the name of a type and a word');

const properties = z.looseObject({
  actions: z
    .array(z.looseObject({ name: actionName, endpoint, routingType: z.preprocess(withoutSpaces, z.enum(['proxy'])) }))
    .default([]),
  resourceTypes: z
    .array(
      z.looseObject({
        name: resourceTypeName,
        endpoint,
        routingType: z.preprocess(withoutSpaces, z.enum(['proxy', 'proxy,cache'])),
      }),
    )
    .default([]),
  validations: z
    .array(
      z.looseObject({
        validationType: z.literal('Swagger'),
        specification: z.url({ protocol: /^https$/, hostname: /^raw\.githubusercontent\.com$/ }),
      }),
    )
    .default([]),
});

interface ManifestEntry {
  readonly name: string;
  readonly endpoint: string;
}

export type CustomAction = ManifestEntry;

export interface CustomResourceType extends ManifestEntry {
  /** Whether Azure keeps the resources and answers reads itself. */
  readonly isCached: boolean;
}

/** What a custom provider declares. */
export interface Manifest {
  readonly actions: readonly CustomAction[];
  readonly resourceTypes: readonly CustomResourceType[];
}

const invalid = (message: string): ArmError => new ArmError(400, 'InvalidCustomProviderManifest', message);

const sameName = (left: string, right: string): boolean => left.toLowerCase() === right.toLowerCase();

function refuseTwins(entries: readonly ManifestEntry[], what: string): void {
  const twin = entries.find(({ name }, index) => entries.findIndex((other) => sameName(other.name, name)) !== index);
  if (twin) throw invalid(`The custom provider declares the ${what} '${twin.name}' twice.`);
}

/** The declarations in a manifest's properties. Throws `InvalidCustomProviderManifest` (400). */
export function parseManifest(body: StoredResource['properties']): Manifest {
  const parsed = properties.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`The custom provider is not valid: properties.${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}.`);
  }
  const { actions, resourceTypes } = parsed.data;
  if (actions.length + resourceTypes.length === 0) throw invalid('A custom provider declares an action or a resource type.');
  refuseTwins(actions, 'action');
  refuseTwins(resourceTypes, 'resource type');
  return {
    actions: actions.map(({ name, endpoint: address }) => ({ name, endpoint: address })),
    resourceTypes: resourceTypes.map(({ name, endpoint: address, routingType }) => ({
      name,
      endpoint: address,
      isCached: routingType === 'proxy,cache',
    })),
  };
}

const notDeclared = (what: string, name: string): ArmError =>
  new ArmError(404, 'InvalidResourceType', `The custom provider declares no ${what} '${name}'.`);

/** Throws `InvalidResourceType` (404). */
export function requireAction({ actions }: Manifest, name: string): CustomAction {
  const found = actions.find((action) => sameName(action.name, name));
  if (found) return found;
  throw notDeclared('action', name);
}

/** Throws `InvalidResourceType` (404). */
export function requireResourceType({ resourceTypes }: Manifest, name: string): CustomResourceType {
  const found = resourceTypes.find((type) => sameName(type.name, name));
  if (found) return found;
  throw notDeclared('resource type', name);
}
