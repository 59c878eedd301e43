import { evaluateEach, type CopyLoop, type EvaluationScope } from './evaluation-scope';
import { isObject, show, type JsonObject, type JsonValue } from './json-value';
import { ExpressionError } from './template-error';

/** ARM's limit on the iterations of one loop. */
export const COPY_LIMIT = 800;

type Evaluate = (value: JsonValue, scope: EvaluationScope) => JsonValue;

/** Checks an evaluated `count`. Throws `ExpressionError` when it is no whole number from 0 to 800. */
export function copyCount(count: JsonValue, name: string): number {
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 0 || count > COPY_LIMIT) {
    throw new ExpressionError(
      `The copy count of '${name}' must be a non-negative integer value and cannot exceed '${COPY_LIMIT}'; it is '${JSON.stringify(count)}'.`,
    );
  }
  return count;
}

/** The same scope one loop deeper. */
export const insideLoop = (scope: EvaluationScope, loop: CopyLoop): EvaluationScope => ({
  ...scope,
  loops: [...scope.loops, loop],
});

/** Unrolls the `copy` array of an object into one array member per entry. */
export function expandPropertyCopies(copies: readonly JsonValue[], scope: EvaluationScope, evaluate: Evaluate): JsonObject {
  const expanded: JsonObject = {};
  for (const copy of copies) {
    if (!isObject(copy) || typeof copy['name'] !== 'string' || copy['count'] === undefined || copy['input'] === undefined) {
      throw new ExpressionError(`The template 'copy' definition needs the properties 'name', 'count' and 'input'.`);
    }
    const name = show(evaluate(copy['name'], scope));
    const input = copy['input'];
    const count = copyCount(evaluate(copy['count'], { ...scope, runtime: undefined }), name);
    const indexes = Array.from({ length: count }, (_, index) => index);
    expanded[name] = evaluateEach(indexes, (index) => evaluate(input, insideLoop(scope, { name, index, ofResource: false })));
  }
  return expanded;
}
