import type { JsonObject, JsonValue } from './json-value';
import { ExpressionError, RuntimeValueMissing } from './template-error';

/** One `copy` loop that an expression stands in. */
export interface CopyLoop {
  readonly name: string;
  readonly index: number;
  /** A bare `copyIndex()` means the resource's own loop, also from inside a property loop. */
  readonly ofResource: boolean;
}

/** What `deployment()`, `subscription()`, `resourceGroup()` and `environment()` answer. */
export interface DeploymentFacts {
  readonly subscriptionId: string;
  readonly tenantId: string;
  readonly subscription: JsonObject;
  readonly resourceGroup: JsonObject;
  readonly resourceGroupName: string;
  readonly deployment: JsonObject;
  readonly environment: JsonObject;
}

/** A value that has to be read from a deployed resource. */
export interface RuntimeLookup {
  readonly functionName: string;
  /** First argument as written: a full resource id, or a name (or symbolic name) of a resource of the template. */
  readonly resource: string;
  readonly apiVersion: string | undefined;
  /** `reference(…, 'Full')` gives the whole resource, otherwise its properties. */
  readonly full: boolean;
  /** Body of a `list*` call. */
  readonly body: JsonValue;
}

/**
 * Values read from deployed resources so far. An expression that needs another one is given up with
 * `RuntimeValueMissing` after noting in `missing` what it needs; the caller reads that and evaluates again.
 */
export class RuntimeValues {
  readonly known = new Map<string, JsonValue>();
  readonly missing = new Map<string, RuntimeLookup>();

  /** `everyBranch`: also look into both branches of an `if` that cannot be decided yet (to find dependencies). */
  constructor(readonly everyBranch = false) {}

  static keyOf(lookup: RuntimeLookup): string {
    const { functionName, resource, apiVersion, full, body } = lookup;
    return JSON.stringify([functionName.toLowerCase(), resource.toLowerCase(), apiVersion ?? null, full, body]);
  }

  find(lookup: RuntimeLookup): JsonValue {
    const key = RuntimeValues.keyOf(lookup);
    const value = this.known.get(key);
    if (value !== undefined) return value;
    this.missing.set(key, lookup);
    throw new RuntimeValueMissing();
  }

  /** Stores what was read and clears what was missing. */
  learn(key: string, value: JsonValue): void {
    this.known.set(key, value);
    this.missing.delete(key);
  }
}

/** Everything an expression can see. */
export interface EvaluationScope {
  readonly parameter: (name: string) => JsonValue;
  readonly variable: (name: string) => JsonValue;
  readonly loops: readonly CopyLoop[];
  readonly facts: DeploymentFacts;
  /** Undefined where `reference` and `list*` are not allowed: names, conditions, copy counts, variables. */
  readonly runtime: RuntimeValues | undefined;
  /** Set only while a parameter's default value is evaluated: there alone `utcNow` and `newGuid` are allowed. */
  readonly defaults?: { readonly now: Date };
}

/** The refusal ARM gives to a function in a place where it has no meaning. */
export const notExpectedHere = (functionName: string): ExpressionError =>
  new ExpressionError(`The template function '${functionName}' is not expected at this location.`);

/**
 * Runs every piece of work even when one lacks a value of a deployed resource, so that all lacking values are noted in
 * one round, and only then gives up.
 */
export function evaluateEach<Input, Output>(inputs: readonly Input[], work: (input: Input) => Output): Output[] {
  const outputs: Output[] = [];
  let missing: RuntimeValueMissing | undefined;
  for (const input of inputs) {
    try {
      outputs.push(work(input));
    } catch (error) {
      if (!(error instanceof RuntimeValueMissing)) throw error;
      missing = error;
    }
  }
  if (missing) throw missing;
  return outputs;
}
