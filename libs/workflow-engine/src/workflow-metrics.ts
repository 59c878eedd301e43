import type { Milliseconds } from '@managed-consul/config';
import type { Metrics, Spread, Tally } from '@managed-consul/observability';

const SECOND = 1000;

/** From a change that takes a moment to the longest that an operator lets pass before they are called. */
const OPERATION_BUCKETS = [1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];
const STEP_BUCKETS = [0.1, 1, 10, 60, 300, 1800];

/** What a runner counts of its work. Nothing here names an operation, a cluster or a customer. */
export class WorkflowMetrics {
  readonly #operations: Spread;
  readonly #steps: Spread;
  readonly #problems: Tally;
  readonly #leaseLosses: Tally;

  constructor(metrics: Metrics) {
    this.#operations = metrics.histogram(
      'managed_consul_operation_duration_seconds',
      'Time from the request for an operation to its end, by outcome.',
      ['kind', 'outcome'],
      OPERATION_BUCKETS,
    );
    this.#steps = metrics.histogram(
      'managed_consul_step_duration_seconds',
      'Time from the first attempt of a step to its success.',
      ['kind', 'step'],
      STEP_BUCKETS,
    );
    this.#problems = metrics.counter('managed_consul_step_problems_total', 'Attempts of steps that failed and are repeated.', [
      'kind',
      'step',
    ]);
    this.#leaseLosses = metrics.counter(
      'managed_consul_lease_losses_total',
      'Leases that were lost while an operation was carried on.',
    );
  }

  operationEnded(kind: string, outcome: string, took: Milliseconds): void {
    this.#operations.note(took / SECOND, { kind, outcome });
  }

  stepSucceeded(kind: string, step: string, took: Milliseconds): void {
    this.#steps.note(took / SECOND, { kind, step });
  }

  /** An attempt that failed and is repeated; one that only waits is not counted. */
  stepFailed(kind: string, step: string): void {
    this.#problems.add({ kind, step });
  }

  leaseLost(): void {
    this.#leaseLosses.add();
  }
}
