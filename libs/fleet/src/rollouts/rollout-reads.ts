import type { Cluster, Database, Rollout, RolloutCluster } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';

/** How many clusters of a rollout, or of a wave of it, are in which state. */
export type TurnCounts = Record<RolloutCluster['state'], number>;

export type FleetRollout = Rollout & { counts: TurnCounts };

/** A cluster of a rollout, with its name; without one when it is gone for good. */
export type RolloutTurn = RolloutCluster & { cluster: Pick<Cluster, 'name' | 'region' | 'observedConsulVersion'> | undefined };

const NONE: TurnCounts = { Waiting: 0, Running: 0, Succeeded: 0, Failed: 0, Skipped: 0 };

async function countTurns({ prisma }: Database, ids: readonly string[]): Promise<Map<string, TurnCounts>> {
  const groups = await prisma.rolloutCluster.groupBy({
    by: ['rolloutId', 'state'],
    where: { rolloutId: { in: [...ids] } },
    _count: { _all: true },
  });
  const counts = new Map(ids.map((id) => [id, { ...NONE }]));
  for (const { rolloutId, state, _count } of groups)
    counts.set(rolloutId, { ...(counts.get(rolloutId) ?? NONE), [state]: _count._all });
  return counts;
}

/** Rollouts, the newest first. */
export async function findRollouts(
  database: Database,
  {
    state,
    before,
    limit,
  }: { state?: Rollout['state'] | undefined; before?: { createdAt: Date; id: string } | undefined; limit: number },
): Promise<FleetRollout[]> {
  const rows = await database.prisma.rollout.findMany({
    where: {
      ...(state ? { state } : {}),
      ...(before
        ? { OR: [{ createdAt: { lt: before.createdAt } }, { createdAt: before.createdAt, id: { lt: before.id } }] }
        : {}),
    },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: limit,
  });
  const counts = await countTurns(
    database,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => ({ ...row, counts: counts.get(row.id) ?? NONE }));
}

/** One rollout. Throws ResourceNotFound. */
export async function getRollout(database: Database, id: string): Promise<FleetRollout> {
  const row = await database.prisma.rollout.findUnique({ where: { id } });
  if (!row) throw new AppError('ResourceNotFound', `There is no rollout ${id}.`);
  return { ...row, counts: (await countTurns(database, [id])).get(id) ?? NONE };
}

/** The clusters of a rollout in the order of their turn. Throws ResourceNotFound. */
export async function findTurns(
  database: Database,
  id: string,
  { state, after, limit }: { state?: RolloutCluster['state'] | undefined; after?: number | undefined; limit: number },
): Promise<RolloutTurn[]> {
  await getRollout(database, id);
  const turns = await database.prisma.rolloutCluster.findMany({
    where: { rolloutId: id, ...(state ? { state } : {}), position: { gt: after ?? 0 } },
    orderBy: { position: 'asc' },
    take: limit,
  });
  const clusters = await database.prisma.cluster.findMany({
    where: { id: { in: turns.map(({ clusterId }) => clusterId) } },
    select: { id: true, name: true, region: true, observedConsulVersion: true },
  });
  const byId = new Map(clusters.map((cluster) => [cluster.id, cluster]));
  return turns.map((turn) => ({ ...turn, cluster: byId.get(turn.clusterId) }));
}
