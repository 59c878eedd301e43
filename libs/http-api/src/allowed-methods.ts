import type { FastifyInstance } from 'fastify';

/** Remembers which methods each address has, so that a wrong method can be told from a wrong address. */
export class AllowedMethods {
  readonly #methodsByAddress = new Map<string, { pattern: RegExp; methods: Set<string> }>();

  /** Has to be called before the routes are registered. */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onRoute', ({ url, method }) => {
      const known = this.#methodsByAddress.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
      for (const name of [method].flat()) known.methods.add(name.toUpperCase());
      this.#methodsByAddress.set(url, known);
    });
  }

  /** The methods of the address; empty when there is no such address. */
  of(path: string): string[] {
    const found = [...this.#methodsByAddress.values()].filter(({ pattern }) => pattern.test(path));
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort();
  }

  /** Every route, as `METHOD /path/{parameter}`. */
  list(): string[] {
    return [...this.#methodsByAddress].flatMap(([url, { methods }]) =>
      [...methods].map((method) => `${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`),
    );
  }
}

const patternOf = (url: string): RegExp =>
  new RegExp(`^${url.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll(/:\w+/g, '[^/]+')}/?$`);
