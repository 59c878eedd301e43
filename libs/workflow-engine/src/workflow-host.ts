import type { Milliseconds } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import type { OperationRecord } from './operation-record';
import type { Workflows } from './workflow';

/** How an operation ended. `error` is for the customer. */
export interface OperationOutcome {
  readonly state: 'Succeeded' | 'Failed' | 'Canceled';
  readonly error?: { readonly code: string; readonly message: string; readonly step: string };
}

/** What the engine saw happen; the host says it in the customer's words. */
export type WorkflowEvent =
  | { readonly type: 'OperationStarted'; readonly operation: OperationRecord }
  | {
      readonly type: 'StepSucceeded';
      readonly operation: OperationRecord;
      readonly step: string;
      readonly item: string;
      /** What the step handed to `done`. */
      readonly output: unknown;
    }
  | {
      readonly type: 'StepFailed';
      readonly operation: OperationRecord;
      readonly step: string;
      readonly item: string;
      readonly message: string;
    }
  | { readonly type: 'OperationEnded'; readonly operation: OperationRecord; readonly outcome: OperationOutcome };

/** What the engine is told about the world it works in. The engine itself knows no cluster. */
export interface WorkflowHost<Services extends object> {
  readonly workflows: Workflows<Services>;
  /** Makes what a step is given, fresh before every try. Errors count as errors of the step. */
  buildServices(operation: OperationRecord, item: string): Promise<Services>;
  /** Writes the end of an operation into the domain's rows, in the transaction that ends the operation. */
  recordOutcome(tx: Transaction, operation: OperationRecord, outcome: OperationOutcome): Promise<void>;
  /** Tells a person that the operation takes longer than its workflow allows. Called once an operation. */
  page(operation: OperationRecord): Promise<void>;
  /** Type and sentence of the cluster event for what happened; undefined for none. Asked only for operations on a cluster. */
  describe(event: WorkflowEvent): { type: string; message: string } | undefined;
}

/** Says that there is work. Losing a bell loses time, never work; so ringing never throws. */
export interface Bell {
  /** `delay` as of now. Ringing again under the same `wakeNumber` is one bell. */
  ring(operation: { readonly id: string; readonly wakeNumber: number }, delay?: Milliseconds): Promise<void>;
}

/** Where a step is on its way into the database; see `StepBoundary`. */
export type BoundaryPoint = 'before-effect' | 'after-effect' | 'after-row';

/**
 * Told as a step passes each point between the world and its row. Meant for tests and tracing: what it throws as
 * `ProcessDied` ends the run as the end of the process would, with nothing written and the lease not given back.
 */
export interface StepBoundary {
  reached(point: BoundaryPoint, step: { operation: OperationRecord; name: string; item: string }): void | Promise<void>;
}

/** See `StepBoundary`. */
export class ProcessDied extends Error {
  constructor() {
    super('The process was told to die here.');
    this.name = 'ProcessDied';
  }
}
