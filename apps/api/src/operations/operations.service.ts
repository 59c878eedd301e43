import { Inject, Injectable } from '@nestjs/common';
import { findRole, nameOf, recordAudit, requireRole, requireWritable, type Requester } from '@managed-consul/access';
import { seconds } from '@managed-consul/config';
import type { AccessRole } from '@managed-consul/database';
import { isTerminal, type Operation, type OperationStep } from '@managed-consul/operations';
import { API_SERVICES, type ApiServices } from '../api-services';

/** An operation with the steps that have begun. */
export interface OperationProgress {
  operation: Operation;
  steps: OperationStep[];
}

/** Reads and cancels operations for callers who have a role on the installation; the others are told that there is none. */
@Injectable()
export class OperationsService {
  readonly #services: ApiServices;

  constructor(@Inject(API_SERVICES) services: ApiServices) {
    this.#services = services;
  }

  /** Throws ResourceNotFound, and AuthorizationFailed when the role is weaker than `needed`. */
  async get(requester: Requester, operationId: string, needed: AccessRole = 'Reader'): Promise<Operation> {
    const { operations, database } = this.#services;
    const operation = await operations.find(operationId);
    const role = operation?.installationId ? await findRole(database.prisma, requester, operation.installationId) : undefined;
    requireRole(role, needed, `operation ${operationId}`);
    if (!operation) throw new Error('An operation that is not there was allowed.');
    return operation;
  }

  async progressOf(operation: Operation): Promise<OperationProgress> {
    return { operation, steps: await this.#services.operations.steps(operation.id) };
  }

  /**
   * The operation once it has changed, or when so many seconds have passed. With 0 seconds, and when it has ended, at once.
   * What counts as a change is anything the runner writes.
   */
  async waitForChange(
    requester: Requester,
    operationId: string,
    waitSeconds: number,
    signal: AbortSignal,
  ): Promise<OperationProgress> {
    const before = await this.get(requester, operationId);
    if (waitSeconds === 0 || isTerminal(before.state)) return this.progressOf(before);
    const { changes, stopping } = this.#services;
    const ending = AbortSignal.any([signal, stopping.signal]);
    const after = await changes.waitForChange(operationId, before.revision, seconds(waitSeconds), ending);
    return this.progressOf(after ?? before);
  }

  /** Asks the operation to stop. Throws Conflict when it has ended, or is a delete. */
  async cancel(requester: Requester, operationId: string): Promise<Operation> {
    const { clusterId, installationId } = await this.get(requester, operationId, 'Contributor');
    if (installationId !== null) await requireWritable(this.#services.database.prisma, requester, installationId);
    const ids = { clusterId: clusterId ?? undefined, installationId: installationId ?? undefined, operationId };
    const detail = { requestedBy: nameOf(requester) };
    return this.#services.operations.cancel(operationId, (tx) =>
      recordAudit(tx, requester, { action: 'cancel-operation', ...ids, detail }),
    );
  }
}
