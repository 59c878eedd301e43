import { evaluateValue } from './evaluator';
import type { EvaluationScope } from './evaluation-scope';
import { isObject, memberOf, show, type JsonObject, type JsonValue } from './json-value';
import { expandPropertyCopies } from './property-copies';
import { ExpressionError } from './template-error';

/** The variables of a template, each evaluated when it is first asked for. */
export class VariableValues {
  private readonly values = new Map<string, JsonValue>();
  private readonly evaluating = new Set<string>();

  constructor(
    private readonly definitions: JsonObject,
    private readonly scope: Pick<EvaluationScope, 'parameter' | 'facts'>,
  ) {}

  /** Names of all variables, those made by `copy` too. */
  names(): string[] {
    const copied = this.copies().map((copy) => (isObject(copy) && typeof copy['name'] === 'string' ? copy['name'] : ''));
    return [...Object.keys(this.definitions).filter((name) => name !== 'copy'), ...copied.filter(Boolean)];
  }

  /** Throws `ExpressionError` when there is no such variable or when it leads back to itself. */
  value(name: string): JsonValue {
    const key = name.toLowerCase();
    const known = this.values.get(key);
    if (known !== undefined) return known;
    if (this.evaluating.has(key)) throw new ExpressionError(`The template variable '${name}' refers to itself.`);
    this.evaluating.add(key);
    const value = this.evaluate(name);
    this.evaluating.delete(key);
    this.values.set(key, value);
    return value;
  }

  private evaluate(name: string): JsonValue {
    const scope: EvaluationScope = { ...this.scope, variable: (other) => this.value(other), loops: [], runtime: undefined };
    const definition = name.toLowerCase() === 'copy' ? undefined : memberOf(this.definitions, name);
    if (definition !== undefined) return evaluateValue(definition, scope);
    const copy = this.copies().find((entry) => isObject(entry) && show(entry['name']).toLowerCase() === name.toLowerCase());
    if (copy !== undefined) return Object.values(expandPropertyCopies([copy], scope, evaluateValue))[0] ?? [];
    throw new ExpressionError(`The template variable '${name}' is not found.`);
  }

  private copies(): readonly JsonValue[] {
    return Array.isArray(this.definitions['copy']) ? this.definitions['copy'] : [];
  }
}
