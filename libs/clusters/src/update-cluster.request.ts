import { recordAudit, type Requester } from '@managed-consul/access';
import { systemClock, type Clock } from '@managed-consul/config';
import { Prisma, type Cluster, type Transaction } from '@managed-consul/database';
import { AppError, type ErrorDetail } from '@managed-consul/errors';
import type { ClusterWithServers } from './cluster-reads';
import type { ScheduleKind } from './cluster-schedules';
import type { ClusterDraft } from './cluster-spec';
import { lockCluster, recordClusterEvent, refuseWhileUnfinished } from './cluster-writes';
import { refusalOf } from './create-cluster.problems';
import { requireMatch } from './etag';
import { isTerminal } from './provisioning-state';
import { emailProblems, findScheduleProblems } from './spec-problems';
import { tagProblems } from './tag-problems';

/** What of a cluster can be changed at once, without touching anything in Azure or Consul. */
const CHANGEABLE = [
  'tags',
  'email',
  'snapshotIntervalSeconds',
  'snapshotRetentionSeconds',
  'snapshotRetentionCount',
  'upgradePolicy',
  'maintenanceWindow',
  'blackoutDates',
] as const satisfies (keyof ClusterDraft)[];
type ClusterChanges = Pick<ClusterDraft, (typeof CHANGEABLE)[number]>;

/** A change of such fields. What is undefined stays; a maintenance window of null takes it away. */
export interface UpdateClusterWish extends ClusterChanges {
  requester: Requester;
  clusterId: string;
  shapeProblems?: readonly ErrorDetail[];
  ifMatch?: string | undefined;
}

const changesIn = (wish: UpdateClusterWish): ClusterChanges =>
  Object.fromEntries(CHANGEABLE.filter((field) => wish[field] !== undefined).map((field) => [field, wish[field]]));

/** The changes on top of what is there, because some fields fit only together. */
const scheduleAfter = (cluster: Cluster, changes: ClusterChanges): ClusterDraft => ({
  snapshotIntervalSeconds: cluster.snapshotIntervalSeconds,
  snapshotRetentionSeconds: cluster.snapshotRetentionSeconds,
  snapshotRetentionCount: cluster.snapshotRetentionCount,
  upgradePolicy: cluster.upgradePolicy,
  maintenanceWindow: cluster.maintenanceWindow as ClusterDraft['maintenanceWindow'],
  blackoutDates: cluster.blackoutDates as string[],
  ...changes,
});

/**
 * Snapshots that shall come more often begin now and not after the interval before. What the change means for the snapshots
 * that are kept, and for the next upgrade, is for their schedules to find out.
 */
async function hastenSchedules(tx: Transaction, cluster: Cluster, changes: ClusterChanges, now: Date): Promise<void> {
  const dueBy = async (kind: ScheduleKind, latest: Date) => {
    const where = { clusterId: cluster.id, kind, dueAt: { gt: latest } };
    await tx.clusterSchedule.updateMany({ where, data: { dueAt: latest, lookAt: latest } });
  };
  const { snapshotIntervalSeconds: interval } = changes;
  if (interval !== undefined) await dueBy('snapshot', new Date(now.getTime() + interval * 1000));
  const { snapshotRetentionSeconds: age, snapshotRetentionCount: count } = changes;
  if (age !== undefined || count !== undefined) await dueBy('retention', now);
  const { upgradePolicy, maintenanceWindow, blackoutDates } = changes;
  const isAboutUpgrades = [upgradePolicy, maintenanceWindow, blackoutDates].some((change) => change !== undefined);
  if (isAboutUpgrades) await dueBy('upgrade', now);
}

/** In words: the fields by name, with commas and a last "and". */
const listed = (fields: readonly string[]): string =>
  fields.length < 2 ? fields.join('') : `${fields.slice(0, -1).join(', ')} and ${fields.at(-1)}`;

/** Only what changes the cluster itself stands in the way: the fields are read by what runs later, not by what runs now. */
async function refuseWhileChanging(tx: Transaction, cluster: Cluster): Promise<void> {
  if (isTerminal(cluster.provisioningState)) return;
  await refuseWhileUnfinished(tx, cluster.id);
  if (cluster.provisioningState === 'Deleting')
    throw new AppError('Conflict', 'The cluster is being deleted and takes no other changes.');
}

/** The row that the changes make; without the email, which is no business of the record's readers, its audit entry. */
async function store(
  tx: Transaction,
  requester: Requester,
  cluster: Cluster,
  changes: ClusterChanges,
): Promise<ClusterWithServers> {
  const { maintenanceWindow, ...plain } = changes;
  const { email: _email, ...shown } = changes;
  const { id: clusterId, installationId } = cluster;
  const changed = Object.keys(changes);
  const detail = { changed, ...(shown as Prisma.InputJsonObject) };
  await recordAudit(tx, requester, { action: 'update-cluster', installationId, clusterId, detail });
  await recordClusterEvent(tx, { clusterId, type: 'Updated', message: `Changed: ${listed(changed)}.` });
  const window = maintenanceWindow === null ? Prisma.DbNull : { ...maintenanceWindow };
  return tx.cluster.update({
    where: { id: clusterId },
    data: {
      ...(plain as Prisma.ClusterUpdateInput),
      ...(maintenanceWindow === undefined ? {} : { maintenanceWindow: window }),
      revision: { increment: 1 },
    },
    include: { serverRecords: { orderBy: { name: 'asc' } } },
  });
}

/**
 * Changes fields in place. Throws ResourceNotFound, AuthorizationFailed, PreconditionFailed, InvalidRequest with every
 * problem, and OperationInProgress while an operation changes the cluster.
 */
export async function updateCluster(
  tx: Transaction,
  wish: UpdateClusterWish,
  clock: Clock = systemClock,
): Promise<ClusterWithServers> {
  const { requester, clusterId } = wish;
  const cluster = await lockCluster(tx, requester, clusterId);
  const changes = changesIn(wish);
  const problems = [
    ...(wish.shapeProblems ?? []),
    ...tagProblems(changes.tags),
    ...emailProblems(changes.email),
    ...findScheduleProblems(scheduleAfter(cluster, changes)),
  ];
  if (problems.length > 0) throw refusalOf(problems, 'The cluster cannot be changed as asked');
  requireMatch(wish.ifMatch, cluster);
  await refuseWhileChanging(tx, cluster);
  if (Object.keys(changes).length === 0) return cluster;
  await hastenSchedules(tx, cluster, changes, clock.now());
  return store(tx, requester, cluster, changes);
}
