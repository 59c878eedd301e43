import { systemClock, type Clock } from '@managed-consul/config';
import type { Operation, Prisma, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Change } from './change';

/** The operation, locked: what is planned about it stays true until it is done. */
async function lockUnfinished(tx: Transaction, id: string): Promise<Operation> {
  await tx.$queryRaw`SELECT id FROM operations WHERE id = ${id}::uuid FOR UPDATE`;
  const operation = await tx.operation.findUnique({ where: { id } });
  if (!operation) throw new AppError('ResourceNotFound', `There is no operation ${id}.`);
  if (operation.state === 'Pending' || operation.state === 'Running') return operation;
  throw new AppError('Conflict', `Operation ${id} has ended already: ${operation.state}.`);
}

const aboutOf = ({ id, clusterId, installationId }: Operation) => ({ operationId: id, clusterId, installationId });

const shownOf = ({ state, currentStep, waitingFor, wakeAt }: Operation): Prisma.InputJsonObject => ({
  ...{ state, currentStep, waitingFor },
  wakeAt: wakeAt?.toISOString() ?? null,
});

/**
 * Has an unfinished operation look again now, and gives the step that it is at its whole budget of tries back. Throws
 * ResourceNotFound, or Conflict when it has ended.
 */
export async function planRetry(tx: Transaction, id: string, clock: Clock = systemClock): Promise<Change> {
  const operation = await lockUnfinished(tx, id);
  const now = clock.now();
  return {
    action: 'retry-operation',
    summary: `${operation.kind} ${id} looks again now${operation.currentStep ? ` at ${operation.currentStep}` : ''}.`,
    before: shownOf(operation),
    after: { ...shownOf(operation), wakeAt: now.toISOString() },
    ...aboutOf(operation),
    apply: async () => {
      await tx.operationStep.updateMany({
        where: { operationId: id, state: { in: ['Running', 'Waiting'] } },
        data: { failures: 0 },
      });
      await tx.operation.update({
        where: { id },
        data: { wakeAt: now, wakeNumber: { increment: 1 }, revision: { increment: 1 } },
      });
    },
  };
}

/** Asks a change to stop before its next step. Throws ResourceNotFound, or Conflict when it has ended or is a delete. */
export async function planCancel(tx: Transaction, id: string, clock: Clock = systemClock): Promise<Change> {
  const operation = await lockUnfinished(tx, id);
  if (operation.lane === 'Delete') throw new AppError('Conflict', 'A delete cannot be canceled.');
  const cancelRequestedAt = operation.cancelRequestedAt ?? clock.now();
  return {
    action: 'cancel-operation',
    summary: `${operation.kind} ${id} stops before its next step.`,
    before: { ...shownOf(operation), cancelRequestedAt: operation.cancelRequestedAt?.toISOString() ?? null },
    after: { ...shownOf(operation), cancelRequestedAt: cancelRequestedAt.toISOString() },
    ...aboutOf(operation),
    apply: async () => {
      const data = { cancelRequestedAt, wakeAt: clock.now(), wakeNumber: { increment: 1 }, revision: { increment: 1 } };
      await tx.operation.update({ where: { id }, data });
      await tx.$executeRaw`SELECT pg_notify('operation_changed', ${id})`;
    },
  };
}
