import { evaluateValue } from './evaluator';
import { evaluateEach, type EvaluationScope } from './evaluation-scope';
import { isObject, kindOf, memberOf, type JsonObject, type JsonValue } from './json-value';
import { fitsType, isSecure, valueType, VALUE_TYPES } from './parameters';
import { copyCount, insideLoop } from './property-copies';
import { locateErrors, TemplateError } from './template-error';

const invalid = (name: string, why: string): TemplateError =>
  new TemplateError(`The template output '${name}' is not valid: ${why}.`, 'DeploymentOutputEvaluationFailed');

function valueOf(name: string, definition: JsonObject, scope: EvaluationScope): JsonValue {
  const copy = memberOf(definition, 'copy');
  const value = memberOf(definition, 'value');
  if (copy === undefined) {
    if (value === undefined) throw invalid(name, `it has no 'value'`);
    return evaluateValue(value, scope);
  }
  const input = isObject(copy) ? memberOf(copy, 'input') : undefined;
  if (!isObject(copy) || input === undefined) throw invalid(name, `its 'copy' needs a 'count' and an 'input'`);
  const count = copyCount(evaluateValue(memberOf(copy, 'count') ?? null, { ...scope, runtime: undefined }), name);
  const indexes = Array.from({ length: count }, (_, index) => index);
  return evaluateEach(indexes, (index) => evaluateValue(input, insideLoop(scope, { name, index, ofResource: false })));
}

/**
 * The outputs of a template as a deployment shows them: `{ name: { type, value } }`, of secure ones the type alone; those
 * whose condition is false are left out. Throws `TemplateError`, or `RuntimeValueMissing` when a resource must be read first.
 */
export function evaluateOutputs(outputs: JsonObject, scope: EvaluationScope): JsonObject {
  const pairs = evaluateEach(Object.entries(outputs), ([name, definition]): [string, JsonObject] | undefined =>
    locateErrors(`output '${name}'`, () => {
      const type = isObject(definition) ? valueType(memberOf(definition, 'type')) : undefined;
      if (!isObject(definition) || !type) throw invalid(name, `its type must be one of '${VALUE_TYPES.join(', ')}'`);
      const condition = evaluateValue(memberOf(definition, 'condition') ?? true, { ...scope, runtime: undefined });
      if (typeof condition !== 'boolean') throw invalid(name, `its 'condition' is not a boolean`);
      if (!condition) return undefined;
      const value = valueOf(name, definition, scope);
      const { fits, expected } = fitsType(value, type);
      if (!fits)
        throw invalid(name, `Template output JToken type is not valid. Expected '${expected}'. Actual '${kindOf(value)}'`);
      const shown: JsonObject = isSecure(type) ? { type } : { type, value };
      return [name, shown];
    }),
  );
  return Object.fromEntries(pairs.filter((pair) => pair !== undefined));
}
