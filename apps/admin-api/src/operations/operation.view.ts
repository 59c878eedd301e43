import type { FleetOperationBody, OperationStepBody } from '@managed-consul/api-contract';
import type { FleetOperation, getFleetOperation } from '@managed-consul/fleet';

const isoOf = (moment: Date | null): string | null => moment?.toISOString() ?? null;

type Step = Awaited<ReturnType<typeof getFleetOperation>>['steps'][number];

export const showOperation = (operation: FleetOperation): FleetOperationBody => ({
  id: operation.id,
  kind: operation.kind,
  subject: operation.subject,
  clusterId: operation.clusterId,
  installationId: operation.installationId,
  lane: operation.lane,
  state: operation.state,
  requestedBy: operation.requestedBy,
  correlationId: operation.correlationId,
  currentStep: operation.currentStep,
  waitingFor: operation.waitingFor,
  wakeAt: isoOf(operation.wakeAt),
  lease: operation.leaseOwner === null ? null : { owner: operation.leaseOwner, until: isoOf(operation.leaseUntil) },
  cancelRequestedAt: isoOf(operation.cancelRequestedAt),
  pagedAt: isoOf(operation.pagedAt),
  error:
    operation.errorCode === null
      ? null
      : { code: operation.errorCode, message: operation.errorMessage ?? '', step: operation.errorStep },
  createdAt: operation.createdAt.toISOString(),
  startedAt: isoOf(operation.startedAt),
  finishedAt: isoOf(operation.finishedAt),
});

export const showStep = (step: Step): OperationStepBody => ({
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
