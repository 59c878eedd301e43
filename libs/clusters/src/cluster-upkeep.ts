import type { Database, Transaction } from '@managed-consul/database';

/** A good snapshot as its cluster shows it. */
export interface LastSnapshot {
  id: string;
  name: string;
  verifiedAt: Date;
  sizeBytes: bigint | null;
}

/** A restore drill as its cluster shows it; `outcome` is what was stored of it. */
export interface LastDrill {
  snapshotId: string;
  outcome: unknown;
}

/**
 * Work at a cluster that its customer did not ask for: `Planned` what was foreseen (upgrades and rotations, by schedule or rollout),
 * `Unplanned` a repair or an operator's intervention.
 */
export interface Maintenance {
  state: 'Planned' | 'Unplanned';
  operationId: string;
}

/** What the service does for a cluster by itself: what it did last, what it does now, and what comes next. */
export interface ClusterUpkeep {
  lastSnapshot: LastSnapshot | undefined;
  lastDrill: LastDrill | undefined;
  nextSnapshotAt: Date | undefined;
  maintenance: Maintenance | undefined;
}

const UPKEEP = `
  SELECT c.id::text AS "clusterId", s.id::text, s.name, s.verified_at AS "verifiedAt", s.size_bytes::text AS "sizeBytes",
    d.id::text AS "drilledId", d.last_drill AS outcome, greatest(w.due_at, w.look_at) AS "nextSnapshotAt",
    o.id::text AS "operationId", o.requested_by AS "requestedBy"
  FROM unnest($1::uuid[]) AS c(id)
  LEFT JOIN LATERAL (
    SELECT id, name, verified_at, size_bytes FROM snapshots
    WHERE cluster_id = c.id AND state = 'VERIFIED' AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 1
  ) AS s ON TRUE
  LEFT JOIN LATERAL (
    SELECT id, last_drill FROM snapshots
    WHERE cluster_id = c.id AND jsonb_typeof(last_drill) = 'object' ORDER BY last_drill->>'at' DESC LIMIT 1
  ) AS d ON TRUE
  LEFT JOIN cluster_schedules w ON w.cluster_id = c.id AND w.kind = 'snapshot'
  LEFT JOIN operations o ON o.subject = 'cluster/' || c.id AND o.lane = 'Change' AND o.state IN ('Pending', 'Running')`;

/** Who asks for work that disturbs a cluster without its customer. Snapshots and what becomes of them are none. */
const PLANNED = /^schedule\/(upgrade|rotate|rollout\/.*)$/;
const UNPLANNED = /^(schedule\/observe|operator\/.*)$/;

function maintenanceOf({ operationId, requestedBy }: Pick<UpkeepRow, 'operationId' | 'requestedBy'>): Maintenance | undefined {
  if (operationId === null || requestedBy === null) return undefined;
  if (PLANNED.test(requestedBy)) return { state: 'Planned', operationId };
  return UNPLANNED.test(requestedBy) ? { state: 'Unplanned', operationId } : undefined;
}

interface UpkeepRow {
  clusterId: string;
  id: string | null;
  name: string;
  verifiedAt: Date;
  sizeBytes: string | null;
  drilledId: string | null;
  outcome: unknown;
  nextSnapshotAt: Date | null;
  operationId: string | null;
  requestedBy: string | null;
}

const upkeepOf = ({
  id,
  name,
  verifiedAt,
  sizeBytes,
  drilledId,
  outcome,
  nextSnapshotAt,
  ...asked
}: UpkeepRow): ClusterUpkeep => ({
  lastSnapshot: id === null ? undefined : { id, name, verifiedAt, sizeBytes: sizeBytes === null ? null : BigInt(sizeBytes) },
  lastDrill: drilledId === null ? undefined : { snapshotId: drilledId, outcome },
  nextSnapshotAt: nextSnapshotAt ?? undefined,
  maintenance: maintenanceOf(asked),
});

/** The upkeep of each of these clusters, by id, in one round trip: a page of a list costs as much as one cluster. */
export async function readUpkeep(
  database: Database['prisma'] | Transaction,
  clusterIds: readonly string[],
): Promise<ReadonlyMap<string, ClusterUpkeep>> {
  if (clusterIds.length === 0) return new Map();
  const rows = await database.$queryRawUnsafe<UpkeepRow[]>(UPKEEP, clusterIds);
  return new Map(rows.map((row) => [row.clusterId, upkeepOf(row)]));
}
