import { equalValues, type JsonValue } from '../json-value';
import { ANY_NUMBER, define, truth, wrongArgument, type FunctionCall, type FunctionTable } from './template-function';

/** Orders two numbers, or two texts by their code units. Throws when they are of different or other kinds. */
function order(left: JsonValue | undefined, right: JsonValue | undefined, call: FunctionCall): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0;
  throw wrongArgument(call, 'the arguments must be two integers or two strings');
}

function bool(value: JsonValue | undefined, call: FunctionCall): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return value !== 0;
  if (typeof value === 'string' && /^(true|1)$/i.test(value)) return true;
  if (typeof value === 'string' && /^(false|0)$/i.test(value)) return false;
  throw wrongArgument(call, 'the value cannot be converted to a boolean');
}

/** Comparisons and truth values. `if` is not here: the evaluator must not evaluate the branch that is not taken. */
export const logicalFunctions: FunctionTable = {
  and: define([2, ANY_NUMBER], (values, call) => values.map((value) => truth(value, call)).every(Boolean)),
  or: define([2, ANY_NUMBER], (values, call) => values.map((value) => truth(value, call)).some(Boolean)),
  not: define(1, ([value], call) => !truth(value, call)),
  bool: define(1, ([value], call) => bool(value, call)),
  true: define(0, () => true),
  false: define(0, () => false),
  null: define(0, () => null),
  equals: define(2, ([left = null, right = null]) => equalValues(left, right)),
  less: define(2, ([left, right], call) => order(left, right, call) < 0),
  lessorequals: define(2, ([left, right], call) => order(left, right, call) <= 0),
  greater: define(2, ([left, right], call) => order(left, right, call) > 0),
  greaterorequals: define(2, ([left, right], call) => order(left, right, call) >= 0),
  coalesce: define([1, ANY_NUMBER], (values) => values.find((value) => value !== null) ?? null),
};
