import type { StepEntry, WorkflowEntry } from './workflow';

/** A step's row as the runner holds and writes it. */
export interface StepRow {
  readonly name: string;
  readonly item: string;
  readonly position: number;
  readonly state: 'Running' | 'Waiting' | 'Succeeded' | 'Failed' | 'Skipped';
  readonly attempts: number;
  readonly failures: number;
  readonly waitingFor: string | null;
  /** JSON; null for none. */
  readonly output: unknown;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  /** Why the last try that did not work was repeated; stays when a later one works. */
  readonly lastProblem: string | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  /** Why an operator may have it passed by, as the workflow that runs it says; null when it must not be. */
  readonly skippable: string | null;
}

/** A step and the item that it is run for: where in its workflow an operation is. */
export interface Place<Services extends object> {
  readonly step: StepEntry<Services>;
  readonly item: string;
}

const FINISHED: ReadonlySet<StepRow['state']> = new Set(['Succeeded', 'Failed', 'Skipped']);

const keyOf = (name: string, item: string) => `${name}/${item}`;

/** The rows of one operation as they stand in the database: what has begun, what has finished, and so what is next. */
export class StepRows {
  readonly #rows: Map<string, StepRow>;

  constructor(rows: Iterable<StepRow>) {
    this.#rows = new Map(Array.from(rows, (row) => [keyOf(row.name, row.item), row]));
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Notes a row as written. */
  put(row: StepRow): void {
    this.#rows.set(keyOf(row.name, row.item), row);
  }

  find(name: string, item: string): StepRow | undefined {
    return this.#rows.get(keyOf(name, item));
  }

  /**
   * The first place of `entries` without a finished row; undefined when all have one. `finishing` is a row that counts
   * already, although it is not written yet. Only a failure list goes on behind a failed step; the runner sees to that.
   */
  next<Services extends object>(entries: readonly WorkflowEntry<Services>[], finishing?: StepRow): Place<Services> | undefined {
    const passed = (name: string, item: string): StepRow | undefined => {
      const row = finishing?.name === name && finishing.item === item ? finishing : this.find(name, item);
      return row && FINISHED.has(row.state) ? row : undefined;
    };
    for (const entry of entries) {
      const first = entry.kind === 'for-each' ? entry.plan : entry;
      const row = passed(first.name, '');
      if (!row) return { step: first, item: '' };
      if (entry.kind !== 'for-each') continue;
      for (const item of row.output as readonly string[]) {
        const step = entry.steps.find((candidate) => !passed(candidate.name, item));
        if (step) return { step, item };
      }
    }
    return undefined;
  }
}
