import { expandPropertyCopies } from './property-copies';
import { evaluateEach, notExpectedHere, type EvaluationScope } from './evaluation-scope';
import { collectionFunctions } from './functions/collection-functions';
import { dateFunctions } from './functions/date-functions';
import { logicalFunctions } from './functions/logical-functions';
import { numberFunctions } from './functions/number-functions';
import { isListFunction, lookupOf, resourceFunctions } from './functions/resource-functions';
import { stringFunctions } from './functions/string-functions';
import { define, integer, text, type FunctionCall, type FunctionTable } from './functions/template-function';
import { isObject, kindOf, memberOf, show, type JsonObject, type JsonValue } from './json-value';
import { isExpression, parseExpression, unescapeLiteral, type Expression } from './parser';
import { ExpressionError, RuntimeValueMissing } from './template-error';

/** The functions that read the template itself. */
const templateFunctions: FunctionTable = {
  parameters: define(1, ([name], call) => call.scope.parameter(text(name, call))),
  variables: define(1, ([name], call) => call.scope.variable(text(name, call))),
  copyindex: define([0, 2], copyIndex),
};

const FUNCTIONS: FunctionTable = {
  ...stringFunctions,
  ...numberFunctions,
  ...logicalFunctions,
  ...collectionFunctions,
  ...resourceFunctions,
  ...dateFunctions,
  ...templateFunctions,
};

function copyIndex(values: readonly JsonValue[], call: FunctionCall): number {
  const { loops } = call.scope;
  const named = typeof values[0] === 'string' ? values[0] : undefined;
  const offset = named === undefined ? values[0] : values[1];
  const loop =
    named === undefined
      ? (loops.findLast((candidate) => candidate.ofResource) ?? loops.at(-1))
      : loops.findLast((candidate) => candidate.name.toLowerCase() === named.toLowerCase());
  if (!loop) throw notExpectedHere(call.name);
  return loop.index + (offset === undefined ? 0 : integer(offset, call));
}

/** Evaluates `if` without touching the branch that is not taken (its parameters or resources may not exist). */
function evaluateIf(branches: readonly Expression[], scope: EvaluationScope): JsonValue {
  const [test, then, otherwise] = branches;
  if (!test || !then || !otherwise || branches.length !== 3) {
    throw new ExpressionError(
      `Unable to evaluate template language function 'if': function requires 3 argument(s) while ${branches.length} were provided.`,
    );
  }
  let decision: JsonValue;
  try {
    decision = evaluateExpression(test, scope);
  } catch (error) {
    if (error instanceof RuntimeValueMissing && scope.runtime?.everyBranch) {
      evaluateEach([then, otherwise], (branch) => evaluateExpression(branch, scope));
    }
    throw error;
  }
  if (typeof decision !== 'boolean') {
    throw new ExpressionError(
      `Unable to evaluate template language function 'if': expected an argument of type 'Boolean' and got '${kindOf(decision)}'.`,
    );
  }
  return evaluateExpression(decision ? then : otherwise, scope);
}

function evaluateCall(name: string, inputs: readonly Expression[], scope: EvaluationScope): JsonValue {
  const wanted = name.toLowerCase();
  if (wanted === 'if') return evaluateIf(inputs, scope);
  const found = Object.hasOwn(FUNCTIONS, wanted) ? FUNCTIONS[wanted] : undefined;
  const asksResource = wanted === 'reference' || (!found && isListFunction(wanted));
  if (!found && !asksResource) throw new ExpressionError(`The template function '${name}' is not valid.`);
  if (asksResource && !scope.runtime) throw notExpectedHere(name);
  const values = evaluateEach(inputs, (input) => evaluateExpression(input, scope));
  const call = { name, scope };
  if (!found) return scope.runtime?.find(lookupOf(values, call)) ?? null;
  if (values.length < found.minimum || values.length > found.maximum) {
    const wantedCount = found.minimum === found.maximum ? `${found.minimum}` : `at least ${found.minimum}`;
    throw new ExpressionError(
      `Unable to evaluate template language function '${name}': function requires ${wantedCount} argument(s) while ${values.length} were provided.`,
    );
  }
  return found.evaluate(values, call);
}

function readMember(target: JsonValue, key: JsonValue): JsonValue {
  if (Array.isArray(target) && typeof key === 'number') {
    const item = target[key];
    if (item === undefined) throw new ExpressionError(`The language expression property array index '${key}' is out of bounds.`);
    return item;
  }
  if (isObject(target) && typeof key === 'string') {
    const member = memberOf(target, key);
    if (member === undefined) {
      const available = Object.keys(target).join(', ');
      throw new ExpressionError(
        `The language expression property '${key}' doesn't exist, available properties are '${available}'.`,
      );
    }
    return member;
  }
  throw new ExpressionError(
    `The language expression property '${show(key)}' can't be evaluated, the value has type '${kindOf(target)}'.`,
  );
}

/** The value of a parsed expression. Throws `ExpressionError`, or `RuntimeValueMissing` when a deployed resource must be read first. */
export function evaluateExpression(expression: Expression, scope: EvaluationScope): JsonValue {
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'call':
      return evaluateCall(expression.name, expression.arguments, scope);
    case 'property':
      return readMember(evaluateExpression(expression.target, scope), expression.name);
    case 'index': {
      const [target = null, key = null] = evaluateEach([expression.target, expression.index], (part) =>
        evaluateExpression(part, scope),
      );
      return readMember(target, key);
    }
  }
}

/** Evaluates a string as it stands in a template: an expression, an escaped text or plain text. */
export const evaluateText = (source: string, scope: EvaluationScope): JsonValue =>
  isExpression(source) ? evaluateExpression(parseExpression(source), scope) : unescapeLiteral(source);

/** Evaluates every string inside `value` (member names too) and unrolls its property `copy` loops. */
export function evaluateValue(value: JsonValue, scope: EvaluationScope): JsonValue {
  if (typeof value === 'string') return evaluateText(value, scope);
  if (Array.isArray(value)) return evaluateEach(value, (item) => evaluateValue(item, scope));
  if (!isObject(value)) return value;
  return evaluateObject(value, scope);
}

function evaluateObject(value: JsonObject, scope: EvaluationScope): JsonObject {
  const copies = Array.isArray(value['copy']) ? value['copy'] : undefined;
  const members = Object.entries(value).filter(([name]) => !(copies && name === 'copy'));
  const pairs = evaluateEach(members, ([name, member]): [string, JsonValue] => {
    const key = evaluateText(name, scope);
    if (typeof key !== 'string') throw new ExpressionError(`The property name '${name}' must be evaluated to a string.`);
    return [key, evaluateValue(member, scope)];
  });
  return { ...Object.fromEntries(pairs), ...(copies ? expandPropertyCopies(copies, scope, evaluateValue) : {}) };
}
