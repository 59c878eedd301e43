import { Gauge, Registry } from 'prom-client';

/** Figures of one process, in the text form that Prometheus reads. Never an id of a customer or a cluster as a label. */
export class Metrics {
  readonly #registry = new Registry();

  /** Something that is read at the moment of asking: `read` gives the values, each with its labels. */
  gauge(
    name: string,
    help: string,
    labels: readonly string[],
    read: () => Promise<readonly { labels: Record<string, string>; value: number }[]>,
  ): void {
    new Gauge({
      ...{ name, help, labelNames: [...labels], registers: [this.#registry] },
      async collect() {
        const values = await read();
        this.reset();
        for (const { labels: of, value } of values) this.set(of, value);
      },
    });
  }

  /** All figures as text. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
