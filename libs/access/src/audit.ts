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
}

/** Records who did what, in the transaction of the change. */
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
    },
  });
}
