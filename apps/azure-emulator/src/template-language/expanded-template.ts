import { buildDependencyGraph, ResourceNames, type DependencyGraph } from './dependency-graph';
import { RuntimeValues, type DeploymentFacts, type EvaluationScope, type RuntimeLookup } from './evaluation-scope';
import type { JsonObject, JsonValue } from './json-value';
import { evaluateOutputs } from './outputs';
import { ParameterValues } from './parameters';
import { evaluateResourceBody, expandResources, type ExpandedResource } from './resource-expansion';
import { readTemplate } from './template';
import { locateErrors, RuntimeValueMissing } from './template-error';
import { VariableValues } from './variables';

/** What a template is deployed with. */
export interface TemplateInput {
  readonly template: unknown;
  /** As in a deployment's body: `{ name: { value } }`. */
  readonly parameters: JsonObject;
  readonly facts: DeploymentFacts;
  readonly now: Date;
  /** Secure parameters read as asterisks: for answers that show evaluated bodies. */
  readonly maskSecure?: boolean;
}

/** Reads a value of a deployed resource for `reference` or `list*`; `target` is set when the template itself defines it. */
export type ReadRuntimeValue = (lookup: RuntimeLookup, target: ExpandedResource | undefined) => Promise<JsonValue>;

/** A template made ready to deploy: every resource with its id, what it waits for, and its values on demand. */
export interface ExpandedTemplate {
  readonly resources: readonly ExpandedResource[];
  readonly dependencies: DependencyGraph;
  /** Parameters as a deployment shows them, secure values left out. */
  readonly parameters: JsonObject;
  /** Parameters as given, with every default filled in and secure values included: the same again gives the same template. */
  readonly resolvedParameters: JsonObject;
  bodyOf(resource: ExpandedResource, read: ReadRuntimeValue): Promise<JsonObject>;
  outputs(read: ReadRuntimeValue): Promise<JsonObject>;
}

/**
 * Evaluates all of a template that needs no deployed resource and checks the rest as far as possible, so that a bad
 * template is refused before anything is made. Throws `TemplateError`. Source: the ARM template reference.
 */
export function expandTemplate({ template: source, parameters: given, facts, now, maskSecure }: TemplateInput): ExpandedTemplate {
  const template = readTemplate(source);
  const parameters = new ParameterValues(template.parameters, given, facts, now, maskSecure);
  const parameter = (name: string): JsonValue => parameters.value(name);
  const variables = new VariableValues(template.variables, { parameter, facts });
  const scope: EvaluationScope = { parameter, variable: (name) => variables.value(name), loops: [], facts, runtime: undefined };
  for (const name of variables.names()) locateErrors(`variable '${name}'`, () => variables.value(name));
  const resources = expandResources(template.resources, scope);
  const names = new ResourceNames(resources);
  const dependencies = buildDependencyGraph(resources, names);
  checkOutputs(template.outputs, scope);
  return {
    resources,
    dependencies,
    parameters: parameters.shown(),
    resolvedParameters: parameters.resolved(),
    bodyOf: (resource, read) =>
      withRuntime(names, read, (runtime) => evaluateResourceBody(resource, { ...resource.scope, runtime })),
    outputs: (read) => withRuntime(names, read, (runtime) => evaluateOutputs(template.outputs, { ...scope, runtime })),
  };
}

/** Finds mistakes in outputs early; what needs a deployed resource waits. */
function checkOutputs(outputs: JsonObject, scope: EvaluationScope): void {
  try {
    evaluateOutputs(outputs, { ...scope, runtime: new RuntimeValues() });
  } catch (error) {
    if (!(error instanceof RuntimeValueMissing)) throw error;
  }
}

/** Evaluates, reads what was missing, and evaluates again, until nothing is missing. Each round reads at least one new value. */
async function withRuntime<Result>(
  names: ResourceNames,
  read: ReadRuntimeValue,
  evaluate: (runtime: RuntimeValues) => Result,
): Promise<Result> {
  const runtime = new RuntimeValues();
  for (;;) {
    try {
      return evaluate(runtime);
    } catch (error) {
      if (!(error instanceof RuntimeValueMissing)) throw error;
    }
    const missing = [...runtime.missing];
    const values = await Promise.all(missing.map(([, lookup]) => read(lookup, names.findOne(lookup.resource))));
    missing.forEach(([key], index) => runtime.learn(key, values[index] ?? null));
  }
}
