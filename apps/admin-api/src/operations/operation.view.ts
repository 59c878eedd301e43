import type { FleetOperationBody, FleetStepBody } from '@managed-consul/api-contract';
import type { FleetOperation, FleetStep } from '@managed-consul/fleet';
import { isoOf, showStep } from '@managed-consul/http-api';

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

export const showFleetStep = (step: FleetStep): FleetStepBody => ({
  ...showStep(step),
  skippable: step.skippable,
  skippedBy: step.skippedBy,
});
