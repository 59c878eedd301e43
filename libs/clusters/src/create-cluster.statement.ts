import type { RepeatableRequest, Requester, StoredAnswer } from '@managed-consul/access';
import type { Cluster, Database } from '@managed-consul/database';
import { currentTraceparent } from '@managed-consul/tracing';
import type { Operation } from '@managed-consul/operations';

/** Sentence of the event that a new cluster begins with. */
const REQUESTED = 'Creation was requested.';

/**
 * One statement is one transaction and one round trip. The claim of the Idempotency-Key comes first: who loses it to an earlier
 * request waits for that one's commit and then inserts nothing at all. A primary that is being deleted is not found, and the secondary's row refuses to be without one.
 */
const STORE = `
  WITH claim AS (
    INSERT INTO idempotency_keys (tenant_id, principal_id, key, request_hash, response_status, response_body, created_at)
    SELECT $1, $2, $3, $4, $5::int, $6::jsonb, $7::timestamptz WHERE $3::text IS NOT NULL
    ON CONFLICT DO NOTHING RETURNING key
  ), allowed AS (
    SELECT WHERE $3::text IS NULL OR EXISTS (SELECT FROM claim)
  ), cluster AS (
    INSERT INTO clusters (id, installation_id, name, datacenter, region, consul_version, servers, vm_size, network_cidr,
      endpoint_visibility, snapshot_interval_seconds, snapshot_retention_seconds, upgrade_policy, maintenance_window, email, tags,
      plan_id, snapshot_retention_count, blackout_dates, created_at, updated_at)
    SELECT $8::uuid, $9::uuid, $10, $11, $12, $13, $14::int, $15, $16, $17::"EndpointVisibility", $18::int, $19::int,
      $20::"UpgradePolicy", $21::jsonb, $22, $23::jsonb, $24, $32::int, $33::jsonb, $7, $7 FROM allowed
  ), operation AS (
    INSERT INTO operations (id, kind, subject, cluster_id, installation_id, lane, input, requested_by, correlation_id, created_at, wake_at,
      traceparent)
    SELECT $25::uuid, $26, $27, $8::uuid, $9::uuid, 'Change', $34::jsonb, $28, $29, $7, $7, $36 FROM allowed
  ), audit AS (
    INSERT INTO audit_events (at, actor_tenant_id, actor_id, action, installation_id, cluster_id, operation_id, detail, correlation_id)
    SELECT $7, $1, $2, $26, $9::uuid, $8::uuid, $25::uuid, $30::jsonb, $29 FROM allowed
  ), event AS (
    INSERT INTO cluster_events (cluster_id, operation_id, type, message, at)
    SELECT $8::uuid, $25::uuid, 'CreateRequested', $31, $7 FROM allowed
  ), followed AS (
    SELECT id FROM clusters WHERE id = $35::uuid AND provisioning_state NOT IN ('Deleting', 'Deleted') FOR UPDATE
  ), member AS (
    INSERT INTO federation_members (cluster_id, primary_cluster_id, datacenter, created_at)
    SELECT $8::uuid, (SELECT id FROM followed), $11, $7 FROM allowed WHERE $35::uuid IS NOT NULL
  )
  SELECT FROM allowed`;

const claimOf = (
  requester: Requester,
  now: Date,
  kept: (RepeatableRequest & { answer: StoredAnswer }) | undefined,
): unknown[] => [
  requester.tenantId,
  requester.objectId,
  kept?.key ?? null,
  kept?.requestHash ?? null,
  kept?.answer.status ?? null,
  kept ? JSON.stringify(kept.answer.body) : null,
  now,
];

const valuesOf = (cluster: Cluster): unknown[] => [
  cluster.id,
  cluster.installationId,
  cluster.name,
  cluster.datacenter,
  cluster.region,
  cluster.consulVersion,
  cluster.servers,
  cluster.vmSize,
  cluster.networkCidr,
  cluster.endpointVisibility,
  cluster.snapshotIntervalSeconds,
  cluster.snapshotRetentionSeconds,
  cluster.upgradePolicy,
  cluster.maintenanceWindow ? JSON.stringify(cluster.maintenanceWindow) : null,
  cluster.email,
  JSON.stringify(cluster.tags),
  cluster.planId,
];

/** What the audit row shows: what was asked for, without the personal data in it. */
const auditDetailOf = ({ name, region, servers, consulVersion, vmSize }: Cluster): string =>
  JSON.stringify({ name, region, servers, consulVersion, vmSize });

/** Stores a new cluster and everything that belongs to its request. Gives false, and stores nothing, when the key was claimed before. */
export async function storeCluster(
  database: Pick<Database, 'pool'>,
  requester: Requester,
  { cluster, operation }: { cluster: Cluster; operation: Operation },
  {
    kept,
    primaryClusterId,
  }: { kept: (RepeatableRequest & { answer: StoredAnswer }) | undefined; primaryClusterId?: string | undefined },
): Promise<boolean> {
  const values = [
    ...claimOf(requester, cluster.createdAt, kept),
    ...valuesOf(cluster),
    operation.id,
    operation.kind,
    operation.subject,
    operation.requestedBy,
    operation.correlationId,
    auditDetailOf(cluster),
    REQUESTED,
    cluster.snapshotRetentionCount,
    JSON.stringify(cluster.blackoutDates),
    JSON.stringify(operation.input),
    primaryClusterId ?? null,
    currentTraceparent() ?? null,
  ];
  const result = await database.pool.query({ name: 'store-cluster', text: STORE, values });
  return result.rowCount === 1;
}
