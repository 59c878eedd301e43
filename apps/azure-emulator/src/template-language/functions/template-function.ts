import type { EvaluationScope } from '../evaluation-scope';
import { kindOf, type JsonValue } from '../json-value';
import { ExpressionError } from '../template-error';

/** One function of the template language. `minimum`/`maximum` count its arguments. */
export interface TemplateFunction {
  readonly minimum: number;
  readonly maximum: number;
  readonly evaluate: (values: readonly JsonValue[], call: FunctionCall) => JsonValue;
}

export interface FunctionCall {
  /** As written by the template's author, for messages. */
  readonly name: string;
  readonly scope: EvaluationScope;
}

/** Functions by lower-case name. */
export type FunctionTable = Readonly<Record<string, TemplateFunction>>;

/** Builds a function of exactly `count` arguments, or of `count[0]` to `count[1]`. */
export const define = (count: number | readonly [number, number], evaluate: TemplateFunction['evaluate']): TemplateFunction => {
  const [minimum, maximum] = typeof count === 'number' ? [count, count] : count;
  return { minimum, maximum, evaluate };
};

/** No upper bound on the number of arguments. */
export const ANY_NUMBER = Number.POSITIVE_INFINITY;

/** ARM's text for an argument of the wrong kind. */
export const wrongArgument = (call: FunctionCall, why: string): ExpressionError =>
  new ExpressionError(`Unable to evaluate template language function '${call.name}': ${why}.`);

const expected = (call: FunctionCall, wanted: string, value: JsonValue | undefined): ExpressionError =>
  wrongArgument(call, `expected an argument of type '${wanted}' and got '${value === undefined ? 'nothing' : kindOf(value)}'`);

/** The argument as a text. Throws `ExpressionError` when it is none, or missing. */
export function text(value: JsonValue | undefined, call: FunctionCall): string {
  if (typeof value !== 'string') throw expected(call, 'String', value);
  return value;
}

/** The argument as a whole number. Throws `ExpressionError`. */
export function integer(value: JsonValue | undefined, call: FunctionCall): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw expected(call, 'Integer', value);
  return value;
}

/** The argument as true or false. Throws `ExpressionError`. */
export function truth(value: JsonValue | undefined, call: FunctionCall): boolean {
  if (typeof value !== 'boolean') throw expected(call, 'Boolean', value);
  return value;
}

/** The argument as an array. Throws `ExpressionError`. */
export function list(value: JsonValue | undefined, call: FunctionCall): JsonValue[] {
  if (!Array.isArray(value)) throw expected(call, 'Array', value);
  return value;
}
