/** Which lane of its subject an operation holds: one change and one delete may be unfinished at a time. */
export type OperationLane = 'Change' | 'Delete';

/** ARM's words for a long-running operation, coarse on purpose: the steps tell the rest. */
export type OperationState = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Canceled';

/** An operation as the runner holds it: a plain copy of its row, taken when the lease was and kept up with every write. */
export interface OperationRecord {
  readonly id: string;
  /** Name of its workflow, e.g. `create-cluster`. */
  readonly kind: string;
  readonly subject: string;
  readonly clusterId: string | null;
  readonly installationId: string | null;
  readonly lane: OperationLane;
  readonly state: OperationState;
  /** What was asked for; the workflow's first step proves its shape. */
  readonly input: unknown;
  readonly requestedBy: string;
  readonly correlationId: string | null;
  /** W3C `traceparent` of the request that asked for it; null when requests are not traced. */
  readonly traceparent: string | null;
  readonly currentStep: string | null;
  readonly waitingFor: string | null;
  readonly wakeAt: Date | null;
  readonly wakeNumber: number;
  readonly cancelRequestedAt: Date | null;
  readonly pageAt: Date | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly errorStep: string | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  /** Grows with every change of the row. */
  readonly revision: number;
}
