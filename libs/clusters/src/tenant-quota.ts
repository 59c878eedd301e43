import type { Transaction } from '@managed-consul/database';
import { AppError, type ErrorDetail } from '@managed-consul/errors';

/** What a tenant may have and has; null for no limit. */
export interface TenantQuota {
  maxClusters: number | null;
  maxServers: number | null;
  clusters: number;
  servers: number;
}

const WHAT_TO_DO = 'Delete or shrink a cluster, or ask the operators of the service for a larger quota.';

const exceeded = (target: string, message: string): ErrorDetail => ({ code: 'QuotaExceeded', target, message });

/** The refusal of a create that another one took the last place from. */
export const quotaTaken: ErrorDetail = exceeded('quota', `Your tenant has no place for this cluster left. ${WHAT_TO_DO}`);

/** What of so many clusters and servers more the quota has no room for. */
export function quotaProblems(quota: TenantQuota, more: { clusters: number; servers: number }): ErrorDetail[] {
  const over = (most: number | null, used: number, wanted: number) => most !== null && wanted > 0 && used + wanted > most;
  const { maxClusters, maxServers, clusters, servers } = quota;
  const problems: ErrorDetail[] = [];
  const say = (most: number | null, what: string, used: number) =>
    `Your tenant may have ${most ?? ''} ${what} and has ${used}. ${WHAT_TO_DO}`;
  if (over(maxClusters, clusters, more.clusters)) problems.push(exceeded('quota', say(maxClusters, 'clusters', clusters)));
  if (over(maxServers, servers, more.servers)) problems.push(exceeded('servers', say(maxServers, 'servers', servers)));
  return problems;
}

/**
 * Takes the room for so many servers more, until the transaction ends: nobody else of the tenant can take the same. Throws
 * QuotaExceeded.
 */
export async function requireServerQuota(tx: Transaction, installationId: string, servers: number): Promise<void> {
  if (servers <= 0) return;
  const [tenant] = await tx.$queryRaw<{ tenantId: string }[]>`
    SELECT t.tenant_id AS "tenantId" FROM tenants t JOIN installations i ON lower(i.tenant_id) = t.tenant_id
    WHERE i.id = ${installationId}::uuid AND t.max_servers IS NOT NULL FOR UPDATE OF t`;
  if (!tenant) return;
  // Asked for behind the lock, so that it sees what another has taken.
  const [quota] = await tx.$queryRaw<TenantQuota[]>`
    SELECT t.max_clusters AS "maxClusters", t.max_servers AS "maxServers", u.clusters, u.servers
    FROM tenants t, tenant_usage(t.tenant_id) u WHERE t.tenant_id = ${tenant.tenantId}`;
  const [problem] = quota ? quotaProblems(quota, { clusters: 0, servers }) : [];
  if (problem) throw new AppError('QuotaExceeded', problem.message, { target: 'servers' });
}
