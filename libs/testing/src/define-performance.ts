/** One figure of a benchmark. Tests never assert a time; a benchmark says what it saw beside the bare minimum. */
export interface Figure {
  name: string;
  value: number;
  /** e.g. `s`, `requests/s`, `MiB`. */
  unit: string;
  /** The same work done with the least possible, on the same machine in the same run. */
  bare?: number;
  /** What value / bare should stay under (`at most`) or over (`at least`). */
  hold?: { ratio: number; is: 'at most' | 'at least' };
}

export interface PerformanceRun {
  /** Root of the clone. */
  root: string;
  say: (line: string) => void;
}

export interface PerformanceDefinition {
  /** Name for `./hcs performance <name>`. */
  name: string;
  description: string;
  run(context: PerformanceRun): Promise<Figure[]>;
}

/** Says that a file `test/performance/<name>.performance.ts` is a benchmark; export the result under any name. */
export const definePerformance = (definition: PerformanceDefinition): PerformanceDefinition => definition;
