import { isObject, memberOf, show, type JsonObject, type JsonValue } from './json-value';
import { TemplateError, validationFailed } from './template-error';

/** The parts of a deployment template, still unevaluated. */
export interface Template {
  readonly contentVersion: string;
  readonly parameters: JsonObject;
  readonly variables: JsonObject;
  readonly resources: readonly TemplateResource[];
  readonly outputs: JsonObject;
}

/** One entry of `resources`, children lifted out of their parent. */
export interface TemplateResource {
  /** The member name, in a template of language version 2. */
  readonly symbolicName: string | undefined;
  readonly definition: JsonObject;
}

/** ARM's limits on one template. */
const LIMITS = { parameters: 256, variables: 256, resources: 800, outputs: 64 } as const;

const SCHEMA =
  /^https:\/\/schema\.management\.azure\.com\/schemas\/[^/]+\/(?:deploymentTemplate|subscriptionDeploymentTemplate)\.json#?$/i;

const KNOWN_MEMBERS = new Set(
  [
    '$schema',
    'contentVersion',
    'languageVersion',
    'apiProfile',
    'metadata',
    'parameters',
    'variables',
    'resources',
    'outputs',
  ].map((name) => name.toLowerCase()),
);

const parseFailed = (reason: string): TemplateError => new TemplateError(`Deployment template parse failed: '${reason}'.`);

function section(template: JsonObject, name: 'parameters' | 'variables' | 'outputs'): JsonObject {
  const found = memberOf(template, name);
  if (found === undefined || found === null) return {};
  if (!isObject(found)) throw parseFailed(`The template section '${name}' must be an object`);
  limit(name, Object.keys(found).length);
  return found;
}

function limit(name: keyof typeof LIMITS, actual: number): void {
  if (actual <= LIMITS[name]) return;
  throw validationFailed(`The number of template ${name} limit exceeded. Limit: '${LIMITS[name]}' and actual: '${actual}'`);
}

/** Lifts nested `resources` out: a child's type and name begin with its parent's. */
function liftChildren(definition: JsonObject): JsonObject[] {
  const { resources, ...own } = definition;
  if (!Array.isArray(resources) || show(definition['type']).toLowerCase() === 'microsoft.resources/deployments')
    return [definition];
  const children = resources.filter(isObject).map((child): JsonObject => ({
    ...child,
    type: `${show(own['type'])}/${show(child['type'])}`,
    name: joinNames(show(own['name']), show(child['name'])),
    ...(own['condition'] !== undefined && child['condition'] === undefined ? { condition: own['condition'] } : {}),
  }));
  return [own, ...children.flatMap(liftChildren)];
}

/** `parent/child` of two texts of which either may be an expression. */
function joinNames(parent: string, child: string): string {
  const asArgument = (name: string): string =>
    name.startsWith('[') && !name.startsWith('[[') && name.endsWith(']') ? name.slice(1, -1) : `'${name.replaceAll("'", "''")}'`;
  return `[concat(${asArgument(parent)}, '/', ${asArgument(child)})]`;
}

function readResources(value: JsonValue | undefined): TemplateResource[] {
  if (Array.isArray(value)) {
    const wrong = value.findIndex((entry) => !isObject(entry));
    if (wrong >= 0) throw parseFailed(`The template resource at index '${wrong}' must be an object`);
    return value
      .filter(isObject)
      .flatMap((definition) => liftChildren(definition).map((one) => ({ symbolicName: undefined, definition: one })));
  }
  if (isObject(value)) {
    return Object.entries(value).map(([symbolicName, definition]) => {
      if (!isObject(definition)) throw parseFailed(`The template resource '${symbolicName}' must be an object`);
      return { symbolicName, definition };
    });
  }
  throw parseFailed(`Required property 'resources' not found in JSON`);
}

/** Reads a deployment template. Throws `TemplateError` (`InvalidTemplate`) when it is not one, or exceeds a limit. */
export function readTemplate(value: unknown): Template {
  const template = value as JsonValue | undefined;
  if (template === undefined || !isObject(template)) throw parseFailed('The template must be a JSON object');
  const schema = memberOf(template, '$schema');
  if (typeof schema !== 'string' || !SCHEMA.test(schema)) {
    throw parseFailed(
      `The value '${show(schema)}' of property '$schema' is not a deployment template schema of a resource group`,
    );
  }
  const contentVersion = memberOf(template, 'contentVersion');
  if (typeof contentVersion !== 'string' || !/^\d+(\.\d+){3}$/.test(contentVersion)) {
    throw parseFailed(`The value '${show(contentVersion)}' of property 'contentVersion' is not valid. It must be like '1.0.0.0'`);
  }
  const unknown = Object.keys(template).find((name) => !KNOWN_MEMBERS.has(name.toLowerCase()));
  if (unknown !== undefined)
    throw parseFailed(`Could not find member '${unknown}' on object of type 'Template'. Path '${unknown}'`);
  const resources = readResources(memberOf(template, 'resources'));
  limit('resources', resources.length);
  return {
    contentVersion,
    parameters: section(template, 'parameters'),
    variables: section(template, 'variables'),
    outputs: section(template, 'outputs'),
    resources,
  };
}
