import type { OperationBody } from '@managed-consul/api-contract';
import { isoOf, showStep } from '@managed-consul/http-api';
import type { Operation, OperationStep } from '@managed-consul/operations';

/** An operation as customers see it; its input and the outputs of its steps are the service's own. */
export const showOperation = (operation: Operation, steps: readonly OperationStep[] = []): OperationBody => ({
  id: operation.id,
  kind: operation.kind,
  status: operation.state,
  clusterId: operation.clusterId,
  installationId: operation.installationId,
  requestedBy: operation.requestedBy,
  cancelRequested: operation.cancelRequestedAt !== null,
  currentStep: operation.currentStep,
  waitingFor: operation.waitingFor,
  createdAt: operation.createdAt.toISOString(),
  startTime: isoOf(operation.startedAt),
  endTime: isoOf(operation.finishedAt),
  error:
    operation.errorCode === null
      ? null
      : { code: operation.errorCode, message: operation.errorMessage ?? '', step: operation.errorStep },
  steps: steps.map(showStep),
});
