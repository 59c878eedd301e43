import type { Database, DeniedTenant, Installation, SuspensionCategory } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';

/** What a tenant may have, has, and what operators have decided about it. */
export interface FleetTenant {
  tenantId: string;
  standing: 'Good' | 'Suspended' | 'Denied';
  installations: number;
  clusters: number;
  servers: number;
  maxClusters: number | null;
  maxServers: number | null;
  suspendedAt: Date | null;
  suspensionCategory: SuspensionCategory | null;
  suspensionContact: string | null;
}

/** Which tenants; what is left out does not narrow. */
export interface FleetTenantQuery {
  tenantId?: string | undefined;
  subscriptionId?: string | undefined;
  standing?: FleetTenant['standing'] | undefined;
  /** Id of the last one already seen. */
  after?: string | undefined;
  limit: number;
}

/** Tenants that have something with the service, and those that operators have decided something about, in the order of their ids. */
export function findFleetTenants({ prisma }: Database, query: FleetTenantQuery): Promise<FleetTenant[]> {
  const { tenantId = null, subscriptionId = null, standing = null, after = null, limit } = query;
  return prisma.$queryRaw<FleetTenant[]>`
    WITH known AS (
      SELECT lower(tenant_id) AS id FROM installations UNION SELECT tenant_id FROM tenants UNION SELECT tenant_id FROM denied_tenants
    ), standing AS (
      SELECT k.id, t.*, CASE WHEN t.suspended_at IS NOT NULL THEN 'Suspended' WHEN d.tenant_id IS NOT NULL THEN 'Denied'
        ELSE 'Good' END AS standing
      FROM known k LEFT JOIN tenants t ON t.tenant_id = k.id LEFT JOIN denied_tenants d ON d.tenant_id = k.id
    ), page AS (
      SELECT * FROM standing s
      WHERE (${tenantId}::text IS NULL OR s.id = lower(${tenantId})) AND (${standing}::text IS NULL OR s.standing = ${standing})
        AND (${after}::text IS NULL OR s.id > ${after}) AND (${subscriptionId}::text IS NULL OR EXISTS (
          SELECT FROM installations i WHERE lower(i.tenant_id) = s.id AND lower(i.subscription_id) = lower(${subscriptionId})))
      ORDER BY s.id LIMIT ${limit}
    )
    SELECT p.id AS "tenantId", p.standing, u.clusters, u.servers, p.max_clusters AS "maxClusters", p.max_servers AS "maxServers",
      p.suspended_at AS "suspendedAt", p.suspension_category::text AS "suspensionCategory", p.suspension_contact AS "suspensionContact",
      (SELECT count(*)::int FROM installations i WHERE lower(i.tenant_id) = p.id AND i.state <> 'Deleted') AS installations
    FROM page p, tenant_usage(p.id) u ORDER BY p.id`;
}

/** A living cluster of a tenant, as far as it is told here. */
export interface TenantCluster {
  id: string;
  installationId: string;
  name: string;
  region: string;
  servers: number;
  provisioningState: string;
}

/** One tenant with everything of it. */
export interface FleetTenantDetail extends FleetTenant {
  denial: DeniedTenant | null;
  places: Installation[];
  living: TenantCluster[];
}

const SHOWN = 200;

/** One tenant, its newest installations and clusters, 200 of each. Throws ResourceNotFound for one that has nothing. */
export async function getFleetTenant(database: Database, id: string): Promise<FleetTenantDetail> {
  const [tenant] = await findFleetTenants(database, { tenantId: id, limit: 1 });
  if (!tenant) throw new AppError('ResourceNotFound', `There is no tenant ${id}.`);
  const { prisma } = database;
  const tenantId = { equals: tenant.tenantId, mode: 'insensitive' as const };
  const [denial, places, living] = await Promise.all([
    prisma.deniedTenant.findUnique({ where: { tenantId: tenant.tenantId } }),
    prisma.installation.findMany({
      where: { tenantId, state: { not: 'Deleted' } },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      take: SHOWN,
    }),
    prisma.cluster.findMany({
      where: { installation: { tenantId }, deletedAt: null },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      select: { id: true, installationId: true, name: true, region: true, servers: true, provisioningState: true },
      take: SHOWN,
    }),
  ]);
  return { ...tenant, denial, places, living };
}

/** The deny list, the newest first; a thousand at most. */
export const listDeniedTenants = ({ prisma }: Database): Promise<DeniedTenant[]> =>
  prisma.deniedTenant.findMany({ orderBy: [{ createdAt: 'desc' }, { tenantId: 'asc' }], take: 1000 });
