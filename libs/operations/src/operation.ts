import type { OperationLane, OperationState, StepState } from './operation-states';

/** An operation as readers see it: what was asked for and how far it is. */
export interface Operation {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly clusterId: string | null;
  readonly installationId: string | null;
  readonly lane: OperationLane;
  readonly state: OperationState;
  readonly input: unknown;
  readonly requestedBy: string;
  readonly correlationId: string | null;
  readonly currentStep: string | null;
  readonly waitingFor: string | null;
  readonly wakeAt: Date | null;
  readonly wakeNumber: number;
  readonly cancelRequestedAt: Date | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly errorStep: string | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** Grows with every change. */
  readonly revision: number;
}

/** One step of an operation as readers see it. Its output is the engine's own and not shown. */
export interface OperationStep {
  readonly name: string;
  /** Which server; empty outside `forEachServer`. */
  readonly item: string;
  /** Order in which the steps began, from 1. */
  readonly position: number;
  readonly state: StepState;
  readonly attempts: number;
  readonly waitingFor: string | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  /** Why the last try that did not work was repeated; stays when a later one works. */
  readonly lastProblem: string | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
}

/** The columns of `Operation` for a SELECT or RETURNING without table alias. */
export const OPERATION_COLUMNS = `id::text, kind, subject, cluster_id::text AS "clusterId", installation_id::text AS "installationId",
  lane::text, state::text, input, requested_by AS "requestedBy", correlation_id AS "correlationId", current_step AS "currentStep",
  waiting_for AS "waitingFor", wake_at AS "wakeAt", wake_number AS "wakeNumber", cancel_requested_at AS "cancelRequestedAt",
  error_code AS "errorCode", error_message AS "errorMessage", error_step AS "errorStep", created_at AS "createdAt",
  started_at AS "startedAt", finished_at AS "finishedAt", revision`;

export const STEP_COLUMNS = `name, item, position, state::text, attempts, waiting_for AS "waitingFor", error_code AS "errorCode",
  error_message AS "errorMessage", last_problem AS "lastProblem", started_at AS "startedAt", finished_at AS "finishedAt"`;
