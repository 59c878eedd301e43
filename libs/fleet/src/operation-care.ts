import { nameOf, type Requester } from '@managed-consul/access';
import { recordClusterEvent } from '@managed-consul/clusters';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Operation, OperationStep, Prisma, Transaction } from '@managed-consul/database';
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

/** A step of an operation, as an operator names it: `item` is the server that it works on, empty for the whole cluster. */
export interface StepPlace {
  name: string;
  item: string;
}

/**
 * The step that the operation waits at, if it is the one that is meant. A worker that is at it would write its own result over
 * what is decided here, so it is left to end its try first.
 */
async function waitingStep(tx: Transaction, operation: Operation, { name, item }: StepPlace, now: Date): Promise<OperationStep> {
  const at = await tx.operationStep.findFirst({ where: { operationId: operation.id, state: { in: ['Running', 'Waiting'] } } });
  const place = at ? `at ${at.name}${at.item === '' ? '' : ` for ${at.item}`}` : 'between steps';
  if (at?.name !== name || at.item !== item) throw new AppError('StepNotCurrent', `Operation ${operation.id} is ${place}.`);
  if (at.skippable === null) throw new AppError('StepNotSkippable', `${operation.kind} cannot do without ${name}.`);
  const isLeased = operation.leaseOwner !== null && operation.leaseUntil !== null && operation.leaseUntil > now;
  if (!isLeased && at.state === 'Waiting') return at;
  throw new AppError('StepBeingTried', `A worker is at ${name} this moment. Try again.`, { retryAfterSeconds: 5 });
}

/**
 * Has an unfinished operation pass the step by that it waits at, and go on behind it; the step's row keeps who had that done, and
 * the customer's history that it was. Only what its workflow declares to be skippable can be. Throws ResourceNotFound, Conflict
 * when the operation has ended, StepNotCurrent (also the second time), StepNotSkippable and StepBeingTried.
 */
export async function planSkip(
  tx: Transaction,
  id: string,
  place: StepPlace,
  requester: Requester,
  clock: Clock = systemClock,
): Promise<Change> {
  const operation = await lockUnfinished(tx, id);
  const now = clock.now();
  const step = await waitingStep(tx, operation, place, now);
  const { name, item, attempts, lastProblem } = step;
  return {
    action: 'skip-step',
    summary: `${operation.kind} ${id} goes on without ${name}${item === '' ? '' : ` for ${item}`}. ${step.skippable ?? ''}`,
    before: { ...shownOf(operation), step: name, item, stepState: step.state, attempts, lastProblem },
    after: { ...shownOf(operation), step: name, item, stepState: 'Skipped', waitingFor: null, wakeAt: now.toISOString() },
    ...aboutOf(operation),
    apply: async () => {
      const passedBy = { state: 'Skipped' as const, waitingFor: null, finishedAt: now, skippedBy: nameOf(requester) };
      await tx.operationStep.update({
        where: { operationId_name_item: { operationId: id, name, item } },
        data: passedBy,
      });
      const message = `An operator of the service has let ${operation.kind} go on without its step ${name}.`;
      const { clusterId } = operation;
      if (clusterId !== null) await recordClusterEvent(tx, { clusterId, operationId: id, type: 'StepSkipped', message });
      // A lease that has run out is taken back, so that its worker cannot come back and write over this.
      const free = { leaseOwner: null, leaseUntil: null, waitingFor: null };
      const woken = { wakeAt: now, wakeNumber: { increment: 1 }, revision: { increment: 1 } };
      await tx.operation.update({ where: { id }, data: { ...free, ...woken } });
      await tx.$executeRaw`SELECT pg_notify('operation_changed', ${id})`;
    },
  };
}
