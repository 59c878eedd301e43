import { isObject, type JsonValue } from '../json-value';
import { ANY_NUMBER, define, text, wrongArgument, type FunctionCall, type FunctionTable } from './template-function';

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** `Microsoft.Network/virtualNetworks/subnets` + `['vnet', 'consul']` → `Microsoft.Network/virtualNetworks/vnet/subnets/consul`. */
function relativeId(type: string, names: readonly string[], call: FunctionCall): string {
  const [namespace = '', ...types] = type.split('/');
  if (types.length === 0 || types.length !== names.length) {
    throw wrongArgument(call, `the type '${type}' requires '${types.length}' resource name argument(s)`);
  }
  return [namespace, ...types.flatMap((segment, index) => [segment, names[index] ?? ''])].join('/');
}

/** Splits the arguments at the resource type: the first that holds a `/`. */
function splitAtType(values: readonly JsonValue[], call: FunctionCall): { before: string[]; type: string; names: string[] } {
  const texts = values.map((value) => text(value, call));
  const position = texts.findIndex((value) => value.includes('/'));
  if (position < 0) {
    throw wrongArgument(call, `the fully qualified resource type, like 'Microsoft.Network/virtualNetworks', is missing`);
  }
  return { before: texts.slice(0, position), type: texts[position] ?? '', names: texts.slice(position + 1) };
}

function resourceId(values: readonly JsonValue[], call: FunctionCall): string {
  const { before, type, names } = splitAtType(values, call);
  const { facts } = call.scope;
  if (before.length > 2)
    throw wrongArgument(call, 'at most a subscription id and a resource group may precede the resource type');
  const group = before.at(-1) ?? facts.resourceGroupName;
  const subscription = before.length === 2 ? (before[0] ?? '') : facts.subscriptionId;
  if (before.length === 2 && !GUID.test(subscription)) throw wrongArgument(call, `'${subscription}' is not a subscription id`);
  return `/subscriptions/${subscription}/resourceGroups/${group}/providers/${relativeId(type, names, call)}`;
}

function subscriptionResourceId(values: readonly JsonValue[], call: FunctionCall): string {
  const { before, type, names } = splitAtType(values, call);
  if (before.length > 1) throw wrongArgument(call, 'only a subscription id may precede the resource type');
  return `/subscriptions/${before[0] ?? call.scope.facts.subscriptionId}/providers/${relativeId(type, names, call)}`;
}

function extensionResourceId([base, type, ...names]: readonly JsonValue[], call: FunctionCall): string {
  const own = relativeId(text(type, call), names.map((name) => text(name, call)), call); // prettier-ignore
  return `${text(base, call).replace(/\/$/, '')}/providers/${own}`;
}

/** Functions that name resources and the place of the deployment. */
export const resourceFunctions: FunctionTable = {
  resourceid: define([2, ANY_NUMBER], resourceId),
  subscriptionresourceid: define([2, ANY_NUMBER], subscriptionResourceId),
  extensionresourceid: define([3, ANY_NUMBER], extensionResourceId),
  tenantresourceid: define([2, ANY_NUMBER], ([type, ...names], call) => {
    const own = relativeId(text(type, call), names.map((name) => text(name, call)), call); // prettier-ignore
    return `/providers/${own}`;
  }),
  resourcegroup: define(0, (_, { scope }) => scope.facts.resourceGroup),
  subscription: define(0, (_, { scope }) => scope.facts.subscription),
  tenant: define(0, (_, { scope }) => ({ tenantId: scope.facts.tenantId })),
  deployment: define(0, (_, { scope }) => scope.facts.deployment),
  environment: define(0, (_, { scope }) => scope.facts.environment),
};

/** Whether `list*` names a call on a resource (`listKeys`) rather than a plain function. */
export const isListFunction = (lowerCaseName: string): boolean => /^list[a-z]/.test(lowerCaseName);

/** The lookup that a `reference` or `list*` call stands for. */
export function lookupOf(values: readonly JsonValue[], call: FunctionCall) {
  const isReference = call.name.toLowerCase() === 'reference';
  const [resource, apiVersion, third] = values;
  if (values.length < (isReference ? 1 : 2) || values.length > 3) {
    throw wrongArgument(call, `it takes ${isReference ? 'one' : 'two'} to three arguments and '${values.length}' were given`);
  }
  const full = isReference && third !== undefined;
  if (full && text(third, call).toLowerCase() !== 'full') throw wrongArgument(call, `the third argument must be 'Full'`);
  if (!isReference && third !== undefined && !isObject(third)) throw wrongArgument(call, 'the third argument must be an object');
  return {
    functionName: call.name,
    resource: text(resource, call),
    apiVersion: apiVersion === undefined ? undefined : text(apiVersion, call),
    full,
    body: isReference ? null : (third ?? null),
  };
}
