import type { StepEntry, WorkflowEntry } from './workflow';

/** A step's row as the runner holds and writes it. */
export interface StepRow {
  readonly name: string;
  readonly item: string;
  readonly position: number;
  readonly state: 'Running' | 'Waiting' | 'Succeeded' | 'Failed';
  readonly attempts: number;
  readonly failures: number;
  readonly waitingFor: string | null;
  /** JSON; null for none. */
  readonly output: unknown;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
}

/** A step and the item that it is run for: where in its workflow an operation is. */
export interface Place<Services extends object> {
  readonly step: StepEntry<Services>;
  readonly item: string;
}

const keyOf = (name: string, item: string) => `${name}/${item}`;

/** The rows of one operation, never changed in place: what has begun, what has finished, and so what is next. */
export class StepRows {
  readonly #rows: ReadonlyMap<string, StepRow>;

  constructor(rows: Iterable<StepRow>) {
    this.#rows = new Map(Array.from(rows, (row) => [keyOf(row.name, row.item), row]));
  }

  get size(): number {
    return this.#rows.size;
  }

  /** These rows with `rows` put in or in place of older ones. */
  with(rows: readonly StepRow[]): StepRows {
    return new StepRows([...this.#rows.values(), ...rows]);
  }

  find(name: string, item: string): StepRow | undefined {
    return this.#rows.get(keyOf(name, item));
  }

  /** The step needs no run any more. Only a failure list goes on behind a failed step; the runner sees to that. */
  #isPassed(name: string, item: string): boolean {
    const state = this.find(name, item)?.state;
    return state === 'Succeeded' || state === 'Failed';
  }

  /** The first place of `entries` that has not been passed; undefined when all have. */
  next<Services extends object>(entries: readonly WorkflowEntry<Services>[]): Place<Services> | undefined {
    for (const entry of entries) {
      const first = entry.kind === 'for-each' ? entry.plan : entry;
      if (!this.#isPassed(first.name, '')) return { step: first, item: '' };
      if (entry.kind !== 'for-each') continue;
      for (const item of this.find(first.name, '')?.output as readonly string[]) {
        const step = entry.steps.find((candidate) => !this.#isPassed(candidate.name, item));
        if (step) return { step, item };
      }
    }
    return undefined;
  }
}
