/**
 * Operations as a domain: asking for one, reading one, waiting for its next change, waking and canceling it, and the bell
 * that tells workers. Owns the rules of the lanes. Knows no workflow: what an operation does is the workers' business.
 */
export type { Bell } from './bell';
export { BellListener } from './bell-listener';

export type { Operation, OperationStep } from './operation';
export { OperationChanges } from './operation-changes';
export { isStepFinished, isTerminal, type OperationLane, type OperationState, type StepState } from './operation-states';
export { Operations, type OperationListQuery } from './operations';
export { OPERATIONS_QUEUE, QueueBell, type OperationJob, type QueueDepth } from './queue-bell';
export { requestOperation, type OperationRequest } from './request-operation';
