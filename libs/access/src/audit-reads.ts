import type { ActorKind, AuditEvent, Database } from '@managed-consul/database';

/** Which events; what is left out does not narrow. `before` is the id of the last one already seen. */
export interface AuditQuery {
  clusterId?: string | undefined;
  /** Of a cluster, with what operators did to the whole installation that it is in. */
  touching?: { clusterId: string; installationId: string } | undefined;
  installationId?: string | undefined;
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

/** Audit events, the newest first. */
export async function findAuditEvents({ prisma }: Database, query: AuditQuery): Promise<AuditEvent[]> {
  const { before, since, until, limit, touching, ...equal } = query;
  return prisma.auditEvent.findMany({
    where: {
      ...equal,
      ...(touching ? { OR: eventsTouching(touching) } : {}),
      ...(before === undefined ? {} : { id: { lt: before } }),
      ...(since || until ? { at: { ...(since ? { gte: since } : {}), ...(until ? { lt: until } : {}) } } : {}),
    },
    orderBy: { id: 'desc' },
    take: limit,
  });
}
