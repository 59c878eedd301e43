import { evaluateValue } from './evaluator';
import type { EvaluationScope } from './evaluation-scope';
import { isObject, memberOf, show, type JsonObject, type JsonValue } from './json-value';
import { copyCount, insideLoop } from './property-copies';
import { locateErrors, TemplateError, validationFailed } from './template-error';
import type { TemplateResource } from './template';

/** A loop over a whole resource. */
export interface ResourceCopy {
  readonly name: string;
  readonly index: number;
  /** How many iterations run at a time; undefined: all. */
  readonly batchSize: number | undefined;
}

/** One resource that a deployment will make (or, when `condition` is false, skip). Its body is not evaluated yet. */
export interface ExpandedResource {
  /** Full id, in the case of the template. */
  readonly id: string;
  /** `id` in lower case: what resources are told apart by. */
  readonly key: string;
  readonly type: string;
  readonly name: string;
  readonly apiVersion: string;
  readonly symbolicName: string | undefined;
  /** Only read, never made (`"existing": true`). */
  readonly existing: boolean;
  readonly condition: boolean;
  readonly copy: ResourceCopy | undefined;
  readonly definition: JsonObject;
  readonly scope: EvaluationScope;
}

/** Members that tell how to deploy a resource and are not part of what is sent. */
const INSTRUCTIONS = new Set([
  'type',
  'name',
  'apiversion',
  'condition',
  'copy',
  'dependson',
  'scope',
  'existing',
  'comments',
  'metadata',
  'resources',
]);

const NESTED_DEPLOYMENT = 'microsoft.resources/deployments';

/** Evaluates a member that decides what is deployed: `reference` is not known yet and refused. */
function evaluateMember(definition: JsonObject, member: string, scope: EvaluationScope): JsonValue | undefined {
  const value = memberOf(definition, member);
  return value === undefined ? undefined : evaluateValue(value, { ...scope, runtime: undefined });
}

function requiredText(definition: JsonObject, member: string, scope: EvaluationScope): string {
  const value = evaluateMember(definition, member, scope);
  if (typeof value === 'string' && value !== '') return value;
  throw validationFailed(`The template resource '${show(memberOf(definition, 'name'))}' has no valid property '${member}'`);
}

function checkSegments(type: string, name: string): void {
  const [namespace = '', ...types] = type.split('/');
  if (types.length === 0 || !namespace.includes('.') || types.includes('')) {
    throw validationFailed(
      `The template resource '${name}' has the type '${type}', which is not a fully qualified resource type`,
    );
  }
  if (types.length === name.split('/').length && !name.split('/').includes('')) return;
  throw validationFailed(
    `The template resource '${name}' for type '${type}' has incorrect segment lengths. A nested resource type must have identical number ` +
      'of segments as its resource name. A root resource type must have segment length one greater than its resource name',
  );
}

/** The group, or the resource in it, that a resource of the template is made in. */
function placeOf(definition: JsonObject, type: string, scope: EvaluationScope): string {
  const { facts } = scope;
  const subscription = evaluateMember(definition, 'subscriptionId', scope) ?? facts.subscriptionId;
  const group = evaluateMember(definition, 'resourceGroup', scope) ?? facts.resourceGroupName;
  const isNested = type.toLowerCase() === NESTED_DEPLOYMENT;
  const place = isNested
    ? `/subscriptions/${show(subscription)}/resourceGroups/${show(group)}`
    : `/subscriptions/${facts.subscriptionId}/resourceGroups/${facts.resourceGroupName}`;
  const extended = evaluateMember(definition, 'scope', scope);
  if (extended === undefined) return place;
  if (typeof extended !== 'string') throw validationFailed(`The template resource '${type}' has a 'scope' that is not a string`);
  return extended.startsWith('/') ? extended.replace(/\/$/, '') : `${place}/providers/${extended}`;
}

function expandOne(resource: TemplateResource, scope: EvaluationScope, copy: ResourceCopy | undefined): ExpandedResource {
  const { definition, symbolicName } = resource;
  const type = requiredText(definition, 'type', scope);
  const condition = evaluateMember(definition, 'condition', scope) ?? true;
  if (typeof condition !== 'boolean') {
    throw validationFailed(`The template resource of type '${type}' has a 'condition' that is not a boolean`);
  }
  const name = requiredText(definition, 'name', scope);
  checkSegments(type, name);
  const [namespace = '', ...types] = type.split('/');
  const path = name.split('/').flatMap((segment, index) => [types[index] ?? '', segment]);
  const id = `${placeOf(definition, type, scope)}/providers/${[namespace, ...path].join('/')}`;
  return {
    id,
    key: id.toLowerCase(),
    type,
    name,
    apiVersion: requiredText(definition, 'apiVersion', scope),
    symbolicName,
    existing: memberOf(definition, 'existing') === true,
    condition,
    copy,
    definition,
    scope,
  };
}

function readCopy(copy: JsonValue, scope: EvaluationScope): { name: string; count: number; batchSize: number | undefined } {
  const name = isObject(copy) ? evaluateMember(copy, 'name', scope) : undefined;
  if (!isObject(copy) || typeof name !== 'string')
    throw validationFailed(`A template resource 'copy' needs a 'name' and a 'count'`);
  const count = copyCount(evaluateMember(copy, 'count', scope) ?? null, name);
  const mode = show(memberOf(copy, 'mode') ?? 'parallel').toLowerCase();
  if (mode !== 'parallel' && mode !== 'serial') throw validationFailed(`The copy '${name}' has an unknown mode '${mode}'`);
  const batchSize = evaluateMember(copy, 'batchSize', scope) ?? 1;
  if (typeof batchSize !== 'number' || batchSize < 1) throw validationFailed(`The copy '${name}' has a 'batchSize' below 1`);
  return { name, count, batchSize: mode === 'serial' ? batchSize : undefined };
}

/** Evaluates names, types, conditions and loops of all resources. Throws `TemplateError`, also for a resource defined twice. */
export function expandResources(resources: readonly TemplateResource[], scope: EvaluationScope): ExpandedResource[] {
  const expanded = resources.flatMap((resource) =>
    locateErrors(`resource '${resource.symbolicName ?? show(memberOf(resource.definition, 'name'))}'`, () => {
      const copy = memberOf(resource.definition, 'copy');
      if (copy === undefined) return [expandOne(resource, scope, undefined)];
      const { name, count, batchSize } = readCopy(copy, scope);
      return Array.from({ length: count }, (_, index) =>
        expandOne(resource, insideLoop(scope, { name, index, ofResource: true }), { name, index, batchSize }),
      );
    }),
  );
  const seen = new Set<string>();
  for (const { key, id, condition } of expanded) {
    if (!condition) continue;
    if (seen.has(key)) throw validationFailed(`The resource '${id}' is defined multiple times in a template`);
    seen.add(key);
  }
  return expanded;
}

/** Whether a resource is itself a deployment whose template sees only its own parameters. */
function hasInnerScope(resource: ExpandedResource): boolean {
  if (resource.type.toLowerCase() !== NESTED_DEPLOYMENT) return false;
  const properties = memberOf(resource.definition, 'properties');
  const options =
    properties !== undefined && isObject(properties) ? memberOf(properties, 'expressionEvaluationOptions') : undefined;
  return options !== undefined && isObject(options) && show(memberOf(options, 'scope')).toLowerCase() === 'inner';
}

/**
 * What is sent for the resource, with every expression evaluated. Throws `TemplateError`, or `RuntimeValueMissing` when
 * another resource must be read first (`scope.runtime.missing` says which).
 */
export function evaluateResourceBody(resource: ExpandedResource, scope: EvaluationScope): JsonObject {
  const nested = resource.type.toLowerCase() === NESTED_DEPLOYMENT;
  const members = Object.entries(resource.definition).filter(
    ([name]) => !INSTRUCTIONS.has(name.toLowerCase()) && !(nested && /^(resourceGroup|subscriptionId)$/i.test(name)),
  );
  const body = Object.fromEntries(members);
  return locateErrors(`resource '${resource.id}'`, () => {
    if (!hasInnerScope(resource)) return asBody(evaluateValue(body, scope));
    const properties = memberOf(body, 'properties') as JsonObject;
    const { template, ...rest } = properties;
    const evaluated = asBody(evaluateValue({ ...body, properties: rest }, scope));
    return { ...evaluated, properties: { ...asBody(evaluated['properties'] ?? {}), template: template ?? null } };
  });
}

function asBody(value: JsonValue): JsonObject {
  if (isObject(value)) return value;
  throw new TemplateError('A template resource must be evaluated to an object.');
}
