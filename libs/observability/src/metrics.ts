import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

type Labels = Record<string, string>;

/** Something that is counted as it happens. */
export interface Tally {
  add(labels?: Labels): void;
}

/** Something whose size is noted as it happens. */
export interface Spread {
  note(value: number, labels?: Labels): void;
}

/** Figures of one process, in the text form that Prometheus reads. Never an id of a customer or a cluster as a label. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #failedReads = new Counter({
    ...{ name: 'managed_consul_metric_read_failures_total', help: 'Figures that could not be read when they were asked for.' },
    registers: [this.#registry],
  });

  /**
   * Something that is read at the moment of asking: `read` gives the values, each with its labels. When it fails, the figure
   * is missing from the answer and the others are not.
   */
  gauge(
    name: string,
    help: string,
    labels: readonly string[],
    read: () => Promise<readonly { labels: Labels; value: number }[]>,
  ): void {
    const failedReads = this.#failedReads;
    new Gauge({
      ...{ name, help, labelNames: [...labels], registers: [this.#registry] },
      async collect() {
        this.reset();
        // A gauge without labels is 0 until it is set, which would be a lie.
        if (labels.length === 0) this.remove();
        try {
          for (const { labels: of, value } of await read()) this.set(of, value);
        } catch {
          failedReads.inc();
        }
      },
    });
  }

  /** Counts events; the name ends in `_total`. */
  counter(name: string, help: string, labels: readonly string[] = []): Tally {
    const counter = new Counter({ name, help, labelNames: [...labels], registers: [this.#registry] });
    return { add: (of = {}) => counter.inc(of) };
  }

  /** Spreads what is noted over `buckets`, upper bounds in the unit that the name ends in. */
  histogram(name: string, help: string, labels: readonly string[], buckets: readonly number[]): Spread {
    const histogram = new Histogram({
      ...{ name, help, labelNames: [...labels], buckets: [...buckets] },
      registers: [this.#registry],
    });
    return { note: (value, of = {}) => histogram.observe(of, value) };
  }

  /** Adds what Node.js tells of its own process: memory, event loop, garbage collection, open files. */
  addProcess(): this {
    collectDefaultMetrics({ register: this.#registry });
    return this;
  }

  /** All figures as text. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
