import { createHash } from 'node:crypto';
import type { Prisma, Transaction } from '@managed-consul/database';
import type { Requester } from './caller';

/** What was done to what. `detail` must hold no secret: it is shown to the customer. */
export interface AuditEntry {
  /** Verb and noun in the imperative, e.g. `delete-cluster`. */
  action: string;
  installationId?: string | undefined;
  clusterId?: string | undefined;
  operationId?: string | undefined;
  detail?: Prisma.InputJsonObject;
  /** What an operator gives beside; without it the actor is a customer, or Azure for one. */
  operator?: OperatorGrounds;
}

/** Why an operator of the service did something, and what it did to the record. */
export interface OperatorGrounds {
  reason: string;
  ticket: string;
  /** Of what was changed, as it was before and after. */
  before?: unknown;
  after?: unknown;
}

const hashOf = (value: unknown): string | null =>
  value === undefined ? null : createHash('sha256').update(JSON.stringify(value)).digest('hex');

/** Records who did what, in the transaction of the change: one that cannot be recorded does not happen. */
export async function recordAudit(tx: Transaction, requester: Requester, entry: AuditEntry): Promise<void> {
  await tx.auditEvent.create({
    data: {
      actorTenantId: requester.tenantId,
      actorId: requester.objectId,
      correlationId: requester.correlationId,
      action: entry.action,
      installationId: entry.installationId ?? null,
      clusterId: entry.clusterId ?? null,
      operationId: entry.operationId ?? null,
      detail: entry.detail ?? {},
      actorKind: entry.operator ? 'Operator' : 'Customer',
      reason: entry.operator?.reason ?? null,
      ticket: entry.operator?.ticket ?? null,
      beforeHash: hashOf(entry.operator?.before),
      afterHash: hashOf(entry.operator?.after),
    },
  });
}
