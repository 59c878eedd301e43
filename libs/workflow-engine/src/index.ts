/**
 * Durable workflows: a list of named steps that survives the death of any process, one row a step. Owns the runner (lease,
 * resume, retry, waits, cancel), the language in which workflows are written, and the tables' hot writes. Knows no
 * cluster, no queue and no HTTP: those are its host's.
 */
export { action, condition, defineWorkflow, defineWorkflows, forEachServer, stepsOf } from './workflow';
export type { ForEachEntry, StepEntry, Workflow, WorkflowEntry, Workflows } from './workflow';
export { done, waitFor } from './step';
export type { ActionFunction, AnyStep, Done, OutputOf, PlanFunction, RecordFunction, StepContext, StepEnvironment } from './step';
export type { StepFunction, StepResult, Waiting } from './step';
export { DEFAULT_RETRY, type RetryRule } from './retry';
export type { OperationLane, OperationRecord, OperationState } from './operation-record';
export { ProcessDied } from './workflow-host';
export type { Bell, BoundaryPoint, OperationOutcome, StepBoundary, WorkflowEvent, WorkflowHost } from './workflow-host';
export { WorkflowMetrics } from './workflow-metrics';
export { WorkflowRunner, type RunnerOptions, type RunResult } from './workflow-runner';
export type { LeaseTimes } from './lease';
export { DueOperations } from './due-operations';
