import { type Route } from './route';

interface Segment {
  readonly kind: 'literal' | 'parameter' | 'rest';
  readonly text: string;
}

interface CompiledRoute {
  readonly route: Route;
  readonly segments: readonly Segment[];
}

export interface RouteMatch {
  readonly route: Route;
  readonly parameters: Readonly<Record<string, string>>;
}

function toSegment(text: string): Segment {
  const parameter = /^\{(.+?)(\*?)\}$/.exec(text);
  if (!parameter) return { kind: 'literal', text: text.toLowerCase() };
  return { kind: parameter[2] === '*' ? 'rest' : 'parameter', text: parameter[1] as string };
}

const cut = (path: string): string[] => path.split('/').filter(Boolean);

function matchSegments(segments: readonly Segment[], path: readonly string[]): Record<string, string> | undefined {
  const parameters: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    if (segment.kind === 'rest') {
      parameters[segment.text] = path.slice(index).join('/');
      return parameters;
    }
    const value = path[index];
    if (value === undefined) return undefined;
    if (segment.kind === 'parameter') parameters[segment.text] = value;
    else if (segment.text !== value.toLowerCase()) return undefined;
  }
  return segments.length === path.length ? parameters : undefined;
}

/** Finds the route of a request; the first that was added wins. */
export class Router {
  readonly #routes: CompiledRoute[] = [];

  add(routes: readonly Route[]): void {
    for (const route of routes) this.#routes.push({ route, segments: cut(route.pattern).map(toSegment) });
  }

  find(method: string, path: string): RouteMatch | undefined {
    const segments = cut(path);
    for (const { route, segments: pattern } of this.#routes) {
      if (route.method !== method) continue;
      const parameters = matchSegments(pattern, segments);
      if (parameters) return { route, parameters };
    }
    return undefined;
  }
}
