import { equalValues, isObject, memberOf, type JsonObject, type JsonValue } from '../json-value';
import { asText } from './string-functions';
import { ANY_NUMBER, define, integer, text, wrongArgument, type FunctionCall, type FunctionTable } from './template-function';

const mergeObjects = (left: JsonObject, right: JsonObject): JsonObject => {
  const merged: JsonObject = { ...left };
  for (const [name, value] of Object.entries(right)) {
    const known = merged[name];
    merged[name] = isObject(known) && isObject(value) ? mergeObjects(known, value) : value;
  }
  return merged;
};

const without = (items: readonly JsonValue[]): JsonValue[] =>
  items.filter((item, index) => items.findIndex((other) => equalValues(other, item)) === index);

function union(values: readonly JsonValue[], call: FunctionCall): JsonValue {
  if (values.every((value) => Array.isArray(value))) return without(values.flat(1));
  if (values.every((value) => isObject(value))) return values.reduce<JsonObject>(mergeObjects, {});
  throw wrongArgument(call, 'the arguments must be all arrays or all objects');
}

function intersection(values: readonly JsonValue[], call: FunctionCall): JsonValue {
  const [first, ...rest] = values;
  if (Array.isArray(first) && rest.every((value) => Array.isArray(value))) {
    return without(first.filter((item) => rest.every((other) => other.some((candidate) => equalValues(candidate, item)))));
  }
  if (isObject(first) && rest.every((value) => isObject(value))) {
    const kept = Object.entries(first).filter(([name, value]) =>
      rest.every((other) => Object.hasOwn(other, name) && equalValues(other[name] ?? null, value)),
    );
    return Object.fromEntries(kept);
  }
  throw wrongArgument(call, 'the arguments must be all arrays or all objects');
}

/** A text or an array: what can be cut into pieces. */
function sequence(value: JsonValue | undefined, call: FunctionCall): string | JsonValue[] {
  if (typeof value === 'string' || Array.isArray(value)) return value;
  throw wrongArgument(call, 'the first argument must be a string or an array');
}

const endOf = (values: readonly JsonValue[], call: FunctionCall, position: 0 | -1): JsonValue => {
  const whole = sequence(values[0], call);
  return whole.at(position) ?? (typeof whole === 'string' ? '' : null);
};

function length(value: JsonValue | undefined, call: FunctionCall): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  if (isObject(value)) return Object.keys(value).length;
  throw wrongArgument(call, 'the argument must be a string, an array or an object');
}

function contains([container, item = null]: readonly JsonValue[], call: FunctionCall): boolean {
  if (typeof container === 'string') return container.includes(asText(item));
  if (Array.isArray(container)) return container.some((member) => equalValues(member, item));
  if (isObject(container)) return memberOf(container, text(item, call)) !== undefined;
  throw wrongArgument(call, 'the first argument must be a string, an array or an object');
}

function createObject(values: readonly JsonValue[], call: FunctionCall): JsonObject {
  if (values.length % 2 !== 0) throw wrongArgument(call, 'it needs an even number of arguments');
  const pairs: [string, JsonValue][] = [];
  for (let index = 0; index < values.length; index += 2) pairs.push([text(values[index], call), values[index + 1] ?? null]);
  return Object.fromEntries(pairs);
}

function items(value: JsonValue | undefined, call: FunctionCall): JsonValue[] {
  if (!isObject(value)) throw wrongArgument(call, 'the argument must be an object');
  return Object.entries(value)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, member]) => ({ key, value: member }));
}

/** Functions over arrays and objects. */
export const collectionFunctions: FunctionTable = {
  array: define(1, ([value = null]) => (Array.isArray(value) ? value : [value])),
  createarray: define([0, ANY_NUMBER], (values) => [...values]),
  createobject: define([0, ANY_NUMBER], createObject),
  contains: define(2, contains),
  empty: define(1, ([value = null], call) => value === null || length(value, call) === 0),
  first: define(1, (values, call) => endOf(values, call, 0)),
  last: define(1, (values, call) => endOf(values, call, -1)),
  length: define(1, ([value], call) => length(value, call)),
  take: define(2, ([whole, count], call) => sequence(whole, call).slice(0, Math.max(0, integer(count, call)))),
  skip: define(2, ([whole, count], call) => sequence(whole, call).slice(Math.max(0, integer(count, call)))),
  union: define([1, ANY_NUMBER], union),
  intersection: define([2, ANY_NUMBER], intersection),
  items: define(1, ([value], call) => items(value, call)),
  tryget: define([2, ANY_NUMBER], ([whole = null, ...path]) =>
    path.reduce<JsonValue>((value, step) => {
      if (Array.isArray(value) && typeof step === 'number') return value[step] ?? null;
      return isObject(value) && typeof step === 'string' ? (memberOf(value, step) ?? null) : null;
    }, whole),
  ),
};
