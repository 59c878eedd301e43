import type { StepRow } from './step-rows';

/** Who holds an operation. `owner` is new for every lease, so an old holder can never pass for a later one. */
export interface LeaseKey {
  readonly id: string;
  readonly owner: string;
}

/** What a run changes in one transaction. */
export interface OperationChange {
  readonly steps: readonly StepRow[];
  readonly currentStep: string | null;
  readonly waitingFor: string | null;
  readonly error: { readonly code: string; readonly message: string; readonly step: string } | null;
  /** Set to give the lease back until then; ignored if the operation was woken since `wakeNumber`. */
  readonly wakeAt: Date | null;
  readonly wakeNumber: number;
  readonly pageAt: Date;
  readonly event: { readonly type: string; readonly message: string } | undefined;
}

/** A change as the statement takes it. What is undefined is left out of the JSON, and NULL there. */
export interface WriteRow extends LeaseKey, Omit<OperationChange, 'error' | 'event'> {
  readonly now: Date;
  readonly errorCode: string | undefined;
  readonly errorMessage: string | undefined;
  readonly errorStep: string | undefined;
  readonly eventType: string | undefined;
  readonly eventMessage: string | undefined;
}

/** What the row says after a write. */
export interface WrittenOperation {
  readonly id: string;
  readonly wakeNumber: number;
  readonly revision: number;
  readonly cancelRequestedAt: Date | null;
  /** The lease is still held: nobody asked to give it back, or a wake came in between. */
  readonly kept: boolean;
}
