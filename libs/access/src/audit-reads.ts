import type { ActorKind, AuditEvent, Database } from '@managed-consul/database';

/** Which events; what is left out does not narrow. `before` is the id of the last one already seen. */
export interface AuditQuery {
  clusterId?: string | undefined;
  /** Of a cluster, with what operators did to the whole installation that it is in. */
  touching?: { clusterId: string; installationId: string } | undefined;
  installationId?: string | undefined;
  /** What was done by the tenant, or to an installation of it. */
  tenantId?: string | undefined;
  operationId?: string | undefined;
  actorId?: string | undefined;
  actorKind?: ActorKind | undefined;
  action?: string | undefined;
  ticket?: string | undefined;
  correlationId?: string | undefined;
  since?: Date | undefined;
  until?: Date | undefined;
  before?: bigint | undefined;
  limit: number;
}

const eventsTouching = ({ clusterId, installationId }: { clusterId: string; installationId: string }) => [
  { clusterId },
  { installationId, clusterId: null, actorKind: 'Operator' as const },
];

async function eventsOfTenant({ prisma }: Database, tenantId: string) {
  const installations = await prisma.installation.findMany({ where: { tenantId }, select: { id: true } });
  return [{ actorTenantId: tenantId }, { installationId: { in: installations.map(({ id }) => id) } }];
}

/** Audit events, the newest first. */
export async function findAuditEvents(database: Database, query: AuditQuery): Promise<AuditEvent[]> {
  const { before, since, until, limit, touching, tenantId, ...equal } = query;
  return database.prisma.auditEvent.findMany({
    where: {
      ...equal,
      ...(touching ? { OR: eventsTouching(touching) } : {}),
      ...(tenantId === undefined ? {} : { AND: { OR: await eventsOfTenant(database, tenantId) } }),
      ...(before === undefined ? {} : { id: { lt: before } }),
      ...(since || until ? { at: { ...(since ? { gte: since } : {}), ...(until ? { lt: until } : {}) } } : {}),
    },
    orderBy: { id: 'desc' },
    take: limit,
  });
}
