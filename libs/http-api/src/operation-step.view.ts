import type { OperationStepBody } from '@managed-consul/api-contract';
import type { OperationStep } from '@managed-consul/operations';

/** A moment as answers write it; null for one that has not come. */
export const isoOf = (moment: Date | null): string | null => moment?.toISOString() ?? null;

/** A step as customers and operators see it; its output is the service's own. */
export const showStep = (step: OperationStep): OperationStepBody => ({
  name: step.name,
  item: step.item,
  position: step.position,
  state: step.state,
  attempts: step.attempts,
  waitingFor: step.waitingFor,
  error: step.errorCode === null ? null : { code: step.errorCode, message: step.errorMessage ?? '' },
  lastProblem: step.lastProblem,
  startedAt: step.startedAt.toISOString(),
  finishedAt: isoOf(step.finishedAt),
});
