import { z } from 'zod';
import type { ClusterAuditEventBody } from '@managed-consul/api-contract';
import type { AuditEvent } from '@managed-consul/database';
import type { PagedList } from '@managed-consul/http-api';

export const auditEventPages: PagedList<AuditEvent, bigint> = {
  name: 'cluster-audit-events',
  write: ({ id }) => ({ id: id.toString() }),
  schema: z.strictObject({ id: z.string().regex(/^\d{1,18}$/) }).transform(({ id }) => BigInt(id)),
};

/** Operators act for the service: which person it was stays between the service and its ticket. */
const actorOf = ({ actorKind, actorTenantId, actorId }: AuditEvent): ClusterAuditEventBody['actor'] =>
  actorKind === 'Operator'
    ? { kind: actorKind, tenantId: null, objectId: null }
    : { kind: actorKind, tenantId: actorTenantId, objectId: actorId };

/** An audit event as customers see it. */
export const showAuditEvent = (event: AuditEvent): ClusterAuditEventBody => ({
  id: event.id.toString(),
  at: event.at.toISOString(),
  actor: actorOf(event),
  action: event.action,
  operationId: event.operationId,
  reason: event.reason,
  ticket: event.ticket,
  detail: event.detail as Record<string, unknown>,
});
