import type { JsonValue } from '../json-value';
import { ANY_NUMBER, define, integer, wrongArgument, type FunctionCall, type FunctionTable } from './template-function';

function int(value: JsonValue | undefined, call: FunctionCall): number {
  if (typeof value === 'number') return Math.trunc(value);
  if (typeof value === 'string' && /^\s*[+-]?\d+\s*$/.test(value)) return Number(value);
  throw wrongArgument(call, 'the value cannot be converted to an integer');
}

function divide(values: readonly JsonValue[], call: FunctionCall): [number, number] {
  const [dividend, divisor] = [integer(values[0], call), integer(values[1], call)];
  if (divisor === 0) throw wrongArgument(call, 'an attempt was made to divide by zero');
  return [dividend, divisor];
}

/** The smallest or largest of integers given singly or as one array. */
const extreme = (choose: (...numbers: number[]) => number) => (values: readonly JsonValue[], call: FunctionCall) => {
  const numbers = values.length === 1 && Array.isArray(values[0]) ? values[0] : values;
  if (numbers.length === 0) throw wrongArgument(call, 'the array is empty');
  return choose(...numbers.map((value) => integer(value, call)));
};

function range(values: readonly JsonValue[], call: FunctionCall): number[] {
  const [start, count] = [integer(values[0], call), integer(values[1], call)];
  if (count < 0 || count > 10_000) throw wrongArgument(call, 'the count must be from 0 to 10000');
  return Array.from({ length: count }, (_, index) => start + index);
}

/** Whole-number arithmetic; the language has no fractions. */
export const numberFunctions: FunctionTable = {
  int: define(1, ([value], call) => int(value, call)),
  add: define(2, ([left, right], call) => integer(left, call) + integer(right, call)),
  sub: define(2, ([left, right], call) => integer(left, call) - integer(right, call)),
  mul: define(2, ([left, right], call) => integer(left, call) * integer(right, call)),
  div: define(2, (values, call) => {
    const [dividend, divisor] = divide(values, call);
    return Math.trunc(dividend / divisor);
  }),
  mod: define(2, (values, call) => {
    const [dividend, divisor] = divide(values, call);
    return dividend % divisor;
  }),
  min: define([1, ANY_NUMBER], extreme(Math.min)),
  max: define([1, ANY_NUMBER], extreme(Math.max)),
  range: define(2, range),
};
