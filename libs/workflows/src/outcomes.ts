import {
  moveProvisioningState,
  OPERATION_KINDS,
  removeSchedules,
  startSchedules,
  UPDATING_KINDS,
} from '@managed-consul/clusters';
import type { ProvisioningState, Transaction } from '@managed-consul/database';
import {
  catchUpSnapshot,
  DRILL_FAILED,
  failSnapshotsOf,
  retryScheduledDrill,
  retryScheduledSnapshot,
} from '@managed-consul/snapshots';
import type { OperationOutcome, OperationRecord } from '@managed-consul/workflow-engine';
import { z } from 'zod';

const UPDATE_ENDS: Record<OperationOutcome['state'], ProvisioningState> = {
  Succeeded: 'Succeeded',
  Failed: 'Failed',
  Canceled: 'Canceled',
};

/** Where an operation that ended leaves its cluster. Kinds that are not named leave it where it was. */
const END_STATES: Readonly<Record<string, Record<OperationOutcome['state'], ProvisioningState>>> = {
  [OPERATION_KINDS.createCluster]: { Succeeded: 'Succeeded', Failed: 'Failed', Canceled: 'Canceled' },
  [OPERATION_KINDS.cloneCluster]: { Succeeded: 'Succeeded', Failed: 'Failed', Canceled: 'Canceled' },
  [OPERATION_KINDS.createSecondary]: { Succeeded: 'Succeeded', Failed: 'Failed', Canceled: 'Canceled' },
  [OPERATION_KINDS.deleteCluster]: { Succeeded: 'Deleted', Failed: 'Failed', Canceled: 'Failed' },
  ...Object.fromEntries(UPDATING_KINDS.map((kind) => [kind, UPDATE_ENDS])),
};

/** Operations that end with a cluster that is looked after from then on. */
const MAKING_KINDS: readonly string[] = [
  OPERATION_KINDS.createCluster,
  OPERATION_KINDS.cloneCluster,
  OPERATION_KINDS.createSecondary,
];

async function recordClusterOutcome(
  tx: Transaction,
  operation: OperationRecord,
  clusterId: string,
  outcome: OperationOutcome,
  now: Date,
): Promise<void> {
  const to = END_STATES[operation.kind]?.[outcome.state];
  if (!to) return;
  const failure = { failureCode: outcome.error?.code ?? null, failureMessage: outcome.error?.message ?? null };
  // Where a delete has overtaken the operation, the delete's own end decides.
  const except = operation.kind === OPERATION_KINDS.deleteCluster ? undefined : 'Deleting';
  await moveProvisioningState(tx, clusterId, to, { ...failure, ...(to === 'Deleted' ? { deletedAt: now } : {}) }, except);
  if (to === 'Deleted') await removeSchedules(tx, clusterId);
  else if (outcome.state === 'Succeeded' && MAKING_KINDS.includes(operation.kind)) await startSchedules(tx, clusterId, now);
}

const registeredPlaceSchema = z.union([
  z.object({ installationId: z.uuid() }).transform(({ installationId }) => ({ id: installationId })),
  z.object({ applicationId: z.string() }).transform(({ applicationId }) => ({ applicationId })),
]);

/** A place that never became ready is Failed; one that is ready stays so, with the reason why its first cluster is missing. */
async function recordFailedRegistration(tx: Transaction, operation: OperationRecord, { error }: OperationOutcome): Promise<void> {
  const where = registeredPlaceSchema.parse(operation.input);
  const failureMessage = error?.message ?? 'The registration was stopped.';
  await tx.installation.updateMany({ where: { ...where, state: 'Registering' }, data: { state: 'Failed' } });
  await tx.installation.updateMany({ where, data: { failureMessage } });
}

/** What the schedules of snapshots and drills must know: that what they have asked for failed, or that a cluster runs again. */
async function recordForSnapshots(
  tx: Transaction,
  { id: operationId, kind, requestedBy, clusterId, createdAt }: OperationRecord,
  { state, error }: OperationOutcome,
  now: Date,
): Promise<void> {
  if (!clusterId) return;
  const isDrill = kind === OPERATION_KINDS.drillSnapshot && requestedBy === 'schedule/drill';
  if (isDrill && state === 'Failed' && error?.code !== DRILL_FAILED)
    await retryScheduledDrill(tx, { clusterId, operationId, since: createdAt, now });
  const isScheduled = kind === OPERATION_KINDS.takeSnapshot && requestedBy === 'schedule/snapshot';
  if (isScheduled && state === 'Failed') await retryScheduledSnapshot(tx, { clusterId, since: createdAt, now });
  if (kind === OPERATION_KINDS.resumeCluster && state === 'Succeeded') await catchUpSnapshot(tx, clusterId, now);
}

/** Writes the end of an operation into the domain, in the transaction that ends it. */
export async function recordOutcome(
  tx: Transaction,
  operation: OperationRecord,
  outcome: OperationOutcome,
  now: Date,
): Promise<void> {
  if (operation.clusterId) await recordClusterOutcome(tx, operation, operation.clusterId, outcome, now);
  if (outcome.state !== 'Succeeded') {
    const stopped = { code: 'Canceled', message: 'The operation that took the snapshot was stopped.' };
    await failSnapshotsOf(tx, operation.input, outcome.error ?? stopped);
  }
  await recordForSnapshots(tx, operation, outcome, now);
  if (operation.kind === OPERATION_KINDS.registerInstallation && outcome.state !== 'Succeeded') {
    await recordFailedRegistration(tx, operation, outcome);
  }
}
