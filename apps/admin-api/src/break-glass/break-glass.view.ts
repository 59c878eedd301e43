import type { BreakGlassBody } from '@managed-consul/api-contract';
import type { BreakGlassAccess } from '@managed-consul/database';

/** An access without its token. */
export const showBreakGlass = (access: BreakGlassAccess): BreakGlassBody => ({
  id: access.id,
  clusterId: access.clusterId,
  role: access.role,
  minutes: access.minutes,
  state: access.state,
  reason: access.reason,
  ticket: access.ticket,
  requestedBy: access.requestedBy,
  requestedAt: access.requestedAt.toISOString(),
  approveBefore: access.approveBefore.toISOString(),
  approvedBy: access.approvedBy,
  approvedAt: access.approvedAt?.toISOString() ?? null,
  endsAt: access.endsAt?.toISOString() ?? null,
  closedAt: access.closedAt?.toISOString() ?? null,
});
