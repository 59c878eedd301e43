import { evaluateValue } from './evaluator';
import type { DeploymentFacts, EvaluationScope } from './evaluation-scope';
import { equalValues, isObject, kindOf, memberOf, type JsonObject, type JsonValue } from './json-value';
import { ExpressionError, locateErrors, validationFailed } from './template-error';

/** Types of parameters and outputs, in the spelling ARM answers with. */
export const VALUE_TYPES = ['String', 'SecureString', 'Int', 'Bool', 'Object', 'SecureObject', 'Array'] as const;
export type ValueType = (typeof VALUE_TYPES)[number];

/** The type by its name in any case; undefined when ARM has none of that name. */
export const valueType = (name: JsonValue | undefined): ValueType | undefined =>
  typeof name === 'string' ? VALUE_TYPES.find((type) => type.toLowerCase() === name.toLowerCase()) : undefined;

/** Values of these types are never shown again. */
export const isSecure = (type: ValueType): boolean => type === 'SecureString' || type === 'SecureObject';

const EXPECTED: Record<ValueType, string> = {
  String: 'String, Uri',
  SecureString: 'String, Uri',
  Int: 'Integer',
  Bool: 'Boolean',
  Object: 'Object',
  SecureObject: 'Object',
  Array: 'Array',
};

/** Whether a value may stand where `type` is declared; the second member is what ARM names as expected. */
export const fitsType = (value: JsonValue, type: ValueType): { fits: boolean; expected: string } => ({
  fits: EXPECTED[type].split(', ').includes(kindOf(value)),
  expected: EXPECTED[type],
});

interface Declaration {
  readonly name: string;
  readonly type: ValueType;
  readonly definition: JsonObject;
}

/** The values of a deployment's parameters, read by name without case; a default is evaluated when it is first asked for. */
export class ParameterValues {
  private readonly values = new Map<string, JsonValue>();
  private readonly declarations = new Map<string, Declaration>();
  private readonly evaluating = new Set<string>();

  /**
   * `given` as in a deployment's body: `{ name: { value } }`; `maskSecure`: secure values are checked and then read as
   * asterisks. Throws `TemplateError` for anything that does not fit.
   */
  constructor(
    definitions: JsonObject,
    private readonly given: JsonObject,
    private readonly facts: DeploymentFacts,
    private readonly now: Date,
    private readonly maskSecure = false,
  ) {
    for (const [name, definition] of Object.entries(definitions)) this.declare(name, definition);
    this.refuseUnknown(Object.keys(definitions));
    for (const declaration of this.declarations.values()) this.require(declaration);
  }

  /** The value of one parameter. Throws `ExpressionError` when the template declares no such parameter. */
  value(name: string): JsonValue {
    const key = name.toLowerCase();
    const known = this.values.get(key);
    if (known !== undefined) return known;
    const declaration = this.declarations.get(key);
    if (!declaration) throw new ExpressionError(`The template parameter '${name}' is not found.`);
    if (this.evaluating.has(key)) throw new ExpressionError(`The template parameter '${name}' refers to itself.`);
    this.evaluating.add(key);
    const value = this.resolve(declaration);
    this.evaluating.delete(key);
    this.values.set(key, value);
    return value;
  }

  /** Parameters as a deployment shows them: types for all, values for those that are not secure. */
  shown(): JsonObject {
    return Object.fromEntries(
      [...this.declarations.values()].map(({ name, type }): [string, JsonObject] => [
        name,
        isSecure(type) ? { type } : { type, value: this.value(name) },
      ]),
    );
  }

  /** All values as a deployment's body gives them, defaults evaluated and secure ones included. */
  resolved(): JsonObject {
    return Object.fromEntries([...this.declarations.values()].map(({ name }) => [name, { value: this.value(name) }]));
  }

  private declare(name: string, definition: JsonValue): void {
    const type = isObject(definition) ? valueType(memberOf(definition, 'type')) : undefined;
    if (!isObject(definition) || !type) {
      throw validationFailed(
        `The type of the template parameter '${name}' is not valid. The type must be one of '${VALUE_TYPES.join(', ')}'`,
      );
    }
    this.declarations.set(name.toLowerCase(), { name, type, definition });
  }

  private refuseUnknown(supported: readonly string[]): void {
    const unknown = Object.keys(this.given).filter((name) => !this.declarations.has(name.toLowerCase()));
    if (unknown.length === 0) return;
    throw validationFailed(
      `The template parameters '${unknown.join(', ')}' in the parameters file are not valid; they are not present in the original ` +
        `template and can therefore not be provided at deployment time. The only supported parameters for this template are '${supported.join(', ')}'`,
    );
  }

  private require(declaration: Declaration): void {
    const { name, definition } = declaration;
    const given = memberOf(this.given, name);
    if (given === undefined && memberOf(definition, 'defaultValue') === undefined) {
      throw validationFailed(`The value for the template parameter '${name}' is not provided`);
    }
    if (given !== undefined && isObject(given) && memberOf(given, 'reference') !== undefined) {
      throw validationFailed(`The template parameter '${name}' refers to a key vault secret, which this place does not have`);
    }
    locateErrors(`parameter '${name}'`, () => this.value(name));
  }

  private resolve(declaration: Declaration): JsonValue {
    const given = memberOf(this.given, declaration.name);
    const value = isObject(given) ? (memberOf(given, 'value') ?? null) : this.defaultOf(declaration);
    this.check(declaration, value);
    return this.maskSecure && isSecure(declaration.type) ? mask(value) : value;
  }

  private defaultOf({ definition }: Declaration): JsonValue {
    const scope: EvaluationScope = {
      parameter: (name) => this.value(name),
      variable: (name) => {
        throw new ExpressionError(`The template variable '${name}' cannot be used in a parameter's default value.`);
      },
      loops: [],
      facts: this.facts,
      runtime: undefined,
      defaults: { now: this.now },
    };
    return evaluateValue(memberOf(definition, 'defaultValue') ?? null, scope);
  }

  private check({ name, type, definition }: Declaration, value: JsonValue): void {
    const { fits, expected } = fitsType(value, type);
    if (!fits) {
      throw validationFailed(
        `Template parameter JToken type is not valid for parameter '${name}'. Expected '${expected}'. Actual '${kindOf(value)}'`,
      );
    }
    const refuse = (why: string): never => {
      throw validationFailed(`The provided value for the template parameter '${name}' is not valid. ${why}`);
    };
    const allowed = memberOf(definition, 'allowedValues');
    if (Array.isArray(allowed) && !isAllowed(value, allowed, type)) {
      const choices = allowed.map((choice) => (typeof choice === 'string' ? choice : JSON.stringify(choice))).join(',');
      const shown = isSecure(type) ? 'The value' : `The value '${typeof value === 'string' ? value : JSON.stringify(value)}'`;
      refuse(`${shown} is not part of the allowed value(s): '${choices}'.`);
    }
    checkBounds(value, definition, refuse);
  }
}

/** The same shape with every text replaced. */
function mask(value: JsonValue): JsonValue {
  if (typeof value === 'string') return '*******';
  if (Array.isArray(value)) return value.map(mask);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, mask(member)])) : value;
}

/** An array is allowed when each of its members is. */
const isAllowed = (value: JsonValue, allowed: readonly JsonValue[], type: ValueType): boolean =>
  type === 'Array' && Array.isArray(value)
    ? value.every((item) => allowed.some((choice) => equalValues(choice, item))) ||
      allowed.some((choice) => equalValues(choice, value))
    : allowed.some((choice) => equalValues(choice, value));

function checkBounds(value: JsonValue, definition: JsonObject, refuse: (why: string) => never): void {
  const bound = (name: string): number | undefined => {
    const found = memberOf(definition, name);
    return typeof found === 'number' ? found : undefined;
  };
  if (typeof value === 'number') {
    const [least, most] = [bound('minValue'), bound('maxValue')];
    if (least !== undefined && value < least) refuse(`The value must be greater than or equal to '${least}'.`);
    if (most !== undefined && value > most) refuse(`The value must be less than or equal to '${most}'.`);
  }
  if (typeof value === 'string' || Array.isArray(value)) {
    const [least, most] = [bound('minLength'), bound('maxLength')];
    if (least !== undefined && value.length < least) refuse(`Length of the value should be greater than or equal to '${least}'.`);
    if (most !== undefined && value.length > most) refuse(`Length of the value should be less than or equal to '${most}'.`);
  }
}
