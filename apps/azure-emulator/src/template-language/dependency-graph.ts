import { evaluateResourceBody, type ExpandedResource } from './resource-expansion';
import { evaluateValue } from './evaluator';
import { RuntimeValues } from './evaluation-scope';
import { memberOf, show } from './json-value';
import { locateErrors, RuntimeValueMissing, validationFailed } from './template-error';

/** Which resources (by key) each resource waits for. */
export type DependencyGraph = ReadonlyMap<string, ReadonlySet<string>>;

/** Finds resources of a template by the ways its author may name them. */
export class ResourceNames {
  private readonly found = new Map<string, Set<string>>();

  constructor(private readonly resources: readonly ExpandedResource[]) {
    for (const resource of resources) {
      this.add(resource.id, resource.key);
      this.add(`${resource.type}/${resource.name}`, resource.key);
      this.add(resource.id.slice(resource.id.lastIndexOf('/providers/') + '/providers/'.length), resource.key);
      this.add(resource.name, resource.key);
      if (resource.copy) this.add(resource.copy.name, resource.key);
      if (resource.symbolicName !== undefined) this.add(resource.symbolicName, resource.key);
    }
  }

  /** Keys of the resources called `name`: an id, `type/name`, a bare name, a loop's name or a symbolic name. */
  find(name: string): ReadonlySet<string> {
    return this.found.get(name.toLowerCase()) ?? new Set();
  }

  /** The resource that `reference(name)` means, if it is one of the template. Throws when the name is ambiguous. */
  findOne(name: string): ExpandedResource | undefined {
    const keys = this.find(name);
    if (keys.size > 1)
      throw validationFailed(`The resource reference '${name}' is ambiguous: more than one resource has this name`);
    const [key] = keys;
    const candidates = this.resources.filter((resource) => resource.key === key);
    return candidates.find(({ condition }) => condition) ?? candidates[0];
  }

  private add(name: string, key: string): void {
    const known = this.found.get(name.toLowerCase());
    if (known) known.add(key);
    else this.found.set(name.toLowerCase(), new Set([key]));
  }
}

function declaredDependencies(resource: ExpandedResource, names: ResourceNames): string[] {
  const declared = memberOf(resource.definition, 'dependsOn');
  if (declared === undefined || declared === null) return [];
  const values = locateErrors(`resource '${resource.id}'`, () =>
    evaluateValue(declared, { ...resource.scope, runtime: undefined }),
  );
  if (!Array.isArray(values)) throw validationFailed(`The 'dependsOn' of the resource '${resource.id}' is not an array`);
  return values.flatMap((name) => {
    const keys = typeof name === 'string' ? names.find(name) : new Set<string>();
    if (keys.size > 0) return [...keys];
    throw validationFailed(
      `The resource '${show(name)}' is not defined in the template. It is in 'dependsOn' of '${resource.id}'`,
    );
  });
}

/** Resources of the template whose values the body reads. A mistake in the body is thrown here, before anything is made. */
function implicitDependencies(resource: ExpandedResource, names: ResourceNames): string[] {
  const runtime = new RuntimeValues(true);
  try {
    evaluateResourceBody(resource, { ...resource.scope, runtime });
  } catch (error) {
    if (!(error instanceof RuntimeValueMissing)) throw error;
  }
  return [...runtime.missing.values()]
    .flatMap((lookup) => [...names.find(lookup.resource)])
    .filter((key) => key !== resource.key);
}

/** Iterations of a serial loop wait for all of the batch before theirs. */
function batchDependencies(resource: ExpandedResource, resources: readonly ExpandedResource[]): string[] {
  const { copy } = resource;
  if (copy?.batchSize === undefined) return [];
  const size = copy.batchSize;
  const batch = Math.floor(copy.index / size);
  return resources
    .filter((other) => other.copy?.name === copy.name && Math.floor(other.copy.index / size) === batch - 1)
    .map(({ key }) => key);
}

function refuseCycles(graph: DependencyGraph): void {
  const done = new Set<string>();
  const visit = (key: string, path: readonly string[]): void => {
    if (path.includes(key)) {
      const cycle = [...path.slice(path.indexOf(key)), key].join(`' -> '`);
      throw validationFailed(`Circular dependency detected on resource: '${key}': '${cycle}'`);
    }
    if (done.has(key)) return;
    for (const next of graph.get(key) ?? []) visit(next, [...path, key]);
    done.add(key);
  };
  for (const key of graph.keys()) visit(key, []);
}

/**
 * Orders the resources: what each waits for by `dependsOn`, by `reference`/`list*` of another resource of the template, and
 * by a serial loop. Resources whose condition is false are left out, also as dependencies. Throws `TemplateError` for a
 * name that the template does not define and for a cycle.
 */
export function buildDependencyGraph(resources: readonly ExpandedResource[], names: ResourceNames): DependencyGraph {
  const deployed = new Set(resources.filter(({ condition, existing }) => condition && !existing).map(({ key }) => key));
  const graph = new Map<string, ReadonlySet<string>>();
  for (const resource of resources) {
    if (!deployed.has(resource.key) || !resource.condition || resource.existing) continue;
    const needed = [
      ...declaredDependencies(resource, names),
      ...implicitDependencies(resource, names),
      ...batchDependencies(resource, resources),
    ];
    graph.set(resource.key, new Set(needed.filter((key) => deployed.has(key))));
  }
  refuseCycles(graph);
  return graph;
}
