import { createHash } from 'node:crypto';
import { hours, minutes, type Milliseconds } from '@managed-consul/config';
import type { Database, Transaction } from '@managed-consul/database';

/**
 * What the service looks after by itself, each with the time within which it first looks at a cluster. Clusters are spread over
 * that time, so that a hundred thousand of them do not begin together.
 */
const FIRST_LOOK_WITHIN = {
  observe: minutes(1),
  inspect: minutes(5),
  snapshot: hours(1),
  retention: hours(1),
  drill: hours(24),
  upgrade: hours(1),
  rotate: hours(1),
} as const satisfies Readonly<Record<string, Milliseconds>>;

export type ScheduleKind = keyof typeof FIRST_LOOK_WITHIN;

export const SCHEDULE_KINDS = Object.keys(FIRST_LOOK_WITHIN) as readonly ScheduleKind[];

/** Schedules that go on when their cluster is deleted, because something of it is kept; they end when they have nothing left. */
const OUTLIVES_CLUSTER: readonly ScheduleKind[] = ['retention'];

/** Where in `interval` a cluster has its place: the same for ever, and even over many clusters. In milliseconds from its start. */
export function spreadOver(clusterId: string, interval: Milliseconds): Milliseconds {
  const fraction = createHash('sha256').update(clusterId).digest().readUIntBE(0, 6) / 2 ** 48;
  return Math.floor(fraction * interval);
}

const firstLook = (clusterId: string, kind: ScheduleKind, now: Date): Date =>
  new Date(now.getTime() + spreadOver(`${kind} ${clusterId}`, FIRST_LOOK_WITHIN[kind]));

/** When the schedule of that kind is to look at the cluster next, whatever was planned before. */
export async function setSchedule(tx: Transaction, clusterId: string, kind: ScheduleKind, dueAt: Date): Promise<void> {
  const where = { clusterId_kind: { clusterId, kind } };
  const when = { dueAt, lookAt: dueAt };
  await tx.clusterSchedule.upsert({ where, create: { clusterId, kind, ...when }, update: when });
}

/** Where the schedule looks sooner anyway, it does. */
const KEEP_DUE = `UPDATE cluster_schedules SET due_at = least(due_at, $3::timestamptz), look_at = least(look_at, $4::timestamptz)
  WHERE cluster_id = $1::uuid AND kind = $2`;

/** What a schedule has asked for came to nothing: it is still due, as it was `since`, and looked at again at `lookAt`. */
export async function keepScheduleDue(
  tx: Transaction,
  { clusterId, kind, since, lookAt }: { clusterId: string; kind: ScheduleKind; since: Date; lookAt: Date },
): Promise<void> {
  await tx.$executeRawUnsafe(KEEP_DUE, clusterId, kind, since, lookAt);
}

const rowOf = (clusterId: string, kind: ScheduleKind, dueAt: Date) => ({ clusterId, kind, dueAt, lookAt: dueAt });

/** Gives a cluster that has become ready all its schedules; it is observed at once. What it has already stays as it is. */
export async function startSchedules(tx: Transaction, clusterId: string, now: Date): Promise<void> {
  const begin = (kind: ScheduleKind) => (kind === 'observe' ? now : firstLook(clusterId, kind, now));
  const data = SCHEDULE_KINDS.map((kind) => rowOf(clusterId, kind, begin(kind)));
  await tx.clusterSchedule.createMany({ data, skipDuplicates: true });
}

/** Ends the schedules of a cluster that is deleted. */
export async function removeSchedules(tx: Transaction, clusterId: string): Promise<void> {
  await tx.clusterSchedule.deleteMany({ where: { clusterId, kind: { notIn: [...OUTLIVES_CLUSTER] } } });
}

const LACKING = `SELECT id::text FROM clusters AS cluster
  WHERE deleted_at IS NULL AND observed_consul_version IS NOT NULL AND provisioning_state NOT IN ('Deleting', 'Deleted')
    AND (SELECT count(*) FROM cluster_schedules WHERE cluster_id = cluster.id AND kind = ANY($1)) < cardinality($1)
  LIMIT 1000`;

/**
 * Gives schedules to ready clusters that lack one: made by a version of the service that did not have it, or left by a schedule
 * that had ended. Looks at every cluster, so it is for the start of a process and for now and then.
 */
export async function startMissingSchedules({ prisma, pool }: Database, now: Date): Promise<number> {
  let count = 0;
  for (;;) {
    const { rows } = await pool.query<{ id: string }>(LACKING, [SCHEDULE_KINDS]);
    const data = rows.flatMap(({ id }) => SCHEDULE_KINDS.map((kind) => rowOf(id, kind, firstLook(id, kind, now))));
    if (data.length > 0) count += (await prisma.clusterSchedule.createMany({ data, skipDuplicates: true })).count;
    if (rows.length < 1000) return count;
  }
}
