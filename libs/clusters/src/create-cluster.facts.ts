import { principalIdsOf, strongestRole, type BarredTenant, type RepeatableRequest, type Requester } from '@managed-consul/access';
import type { AccessRole, ConsulVersionStatus, Database, InstallationState, Prisma } from '@managed-consul/database';
import { DEFAULTS, type ClusterDraft } from './cluster-spec';
import { parseNetworkRange } from './network-range';
import type { TenantQuota } from './tenant-quota';

/** What a create depends on, as it is right now. */
export interface CreateFacts {
  /** Null, like its region and plan: the request names no installation that exists. */
  installationState: InstallationState | null;
  installationRegion: string | null;
  installationPlan: string | null;
  role: AccessRole | undefined;
  /** Null: there is no such region. */
  regionOpen: boolean | null;
  /** Null: there is no such plan. */
  planOpen: boolean | null;
  recommendedVersion: string | null;
  /** Of the version that was asked for; null when none was, or it is unknown. */
  versionStatus: ConsulVersionStatus | null;
  versionBlockedReason: string | null;
  /** Whether the service holds a verified program of the version that was asked for. */
  versionHasProgram: boolean;
  nameIsTaken: boolean;
  /** Name of a living cluster of the installation whose network would overlap. */
  overlappingCluster: string | null;
  /** Of the installation's tenant; null when it has none. */
  quota: TenantQuota | null;
  /** The tenant of the installation or of the caller, where operators refuse it new clusters. */
  barred: BarredTenant | null;
  /** The answer that a request with the same key was given before. */
  stored: { requestHash: string; status: number; body: Prisma.JsonObject } | null;
}

/** Everything in one statement: a create is measured against the bare transaction, and each round trip counts. */
const FACTS = `
  SELECT i.state::text AS "installationState", i.region AS "installationRegion", i.plan_id AS "installationPlan",
    (SELECT array_agg(a.role::text) FROM role_assignments a
      WHERE a.installation_id = i.id AND a.tenant_id = $2 AND a.principal_id = ANY($3::text[])) AS roles,
    (SELECT open FROM regions WHERE name = lower(coalesce($4, i.region))) AS "regionOpen",
    (SELECT open FROM plans WHERE id = coalesce($5, i.plan_id)) AS "planOpen",
    (SELECT version FROM consul_versions WHERE status = 'RECOMMENDED' ORDER BY version DESC LIMIT 1) AS "recommendedVersion",
    v.status::text AS "versionStatus", v.blocked_reason AS "versionBlockedReason",
    EXISTS (SELECT FROM consul_artifacts a WHERE a.version = v.version) AS "versionHasProgram",
    EXISTS (SELECT FROM clusters c WHERE c.installation_id = i.id AND lower(c.name) = lower($7) AND c.deleted_at IS NULL) AS "nameIsTaken",
    (SELECT c.name FROM clusters c WHERE c.installation_id = i.id AND c.network_cidr::inet && $8::inet AND c.deleted_at IS NULL
      LIMIT 1) AS "overlappingCluster",
    (SELECT json_build_object('maxClusters', t.max_clusters, 'maxServers', t.max_servers, 'clusters', u.clusters, 'servers', u.servers)
      FROM tenants t, tenant_usage(t.tenant_id) u
      WHERE t.tenant_id = lower(i.tenant_id) AND (t.max_clusters IS NOT NULL OR t.max_servers IS NOT NULL)) AS quota,
    (SELECT json_build_object('tenantId', b.tenant_id, 'category', b.category, 'contact', b.contact) FROM barred_tenants b
      WHERE b.tenant_id IN (lower(i.tenant_id), lower($2)) ORDER BY b.category IS NULL LIMIT 1) AS barred,
    CASE WHEN k.key IS NOT NULL THEN json_build_object('requestHash', k.request_hash, 'status', k.response_status, 'body', k.response_body)
      END AS stored
  FROM (SELECT) AS request
  LEFT JOIN installations i ON i.id = $1 AND i.state <> 'Deleted'
  LEFT JOIN consul_versions v ON v.version = $6
  LEFT JOIN idempotency_keys k ON k.tenant_id = $2 AND k.principal_id = $9 AND k.key = $10`;

type FactsRow = Omit<CreateFacts, 'role'> & { roles: AccessRole[] | null };

/** Reads the facts for a draft; those of its installation are null when it names none, or none that exists. */
export async function readCreateFacts(
  database: Pick<Database, 'pool'>,
  requester: Requester,
  draft: ClusterDraft,
  repeatable: RepeatableRequest | undefined,
): Promise<CreateFacts> {
  const network = draft.networkCidr ?? DEFAULTS.networkCidr;
  const result = await database.pool.query<FactsRow>({
    name: 'read-create-facts',
    text: FACTS,
    values: [
      draft.installationId ?? null,
      requester.tenantId,
      principalIdsOf(requester),
      draft.region ?? null,
      draft.plan ?? null,
      draft.consulVersion ?? null,
      draft.name ?? null,
      parseNetworkRange(network) ? network : null,
      requester.objectId,
      repeatable?.key ?? null,
    ],
  });
  const [row] = result.rows;
  if (!row) throw new Error('A query that always gives one row gave none.');
  const { roles, ...facts } = row;
  return { ...facts, role: strongestRole(roles ?? []) };
}
