import { minutes, seconds, type Clock } from '@managed-consul/config';
import type { Database, Rollout, Transaction } from '@managed-consul/database';
import type { Operation } from '@managed-consul/operations';
import { beginTurn } from './begin-turn';
import { toleratedFailures } from './wave-plan';

/** A worker that died while it looked is followed by another after this. */
const LOOK_LASTS = minutes(2);
/** Between two looks at a rollout that goes on. */
const LOOK_EVERY = seconds(5);

/** Rollouts that go on, or of which something is still under way, and that nobody looks at. */
const TAKE = `UPDATE rollouts SET look_at = $2 WHERE id = (
    SELECT id FROM rollouts WHERE look_at <= $1 AND (state = 'Running'
      OR EXISTS (SELECT FROM rollout_clusters turn WHERE turn.rollout_id = rollouts.id AND turn.state = 'Running'))
    ORDER BY look_at LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING id::text`;

/** What became of the operations that were asked for. */
const SETTLE = `UPDATE rollout_clusters turn
  SET state = CASE operation.state WHEN 'Succeeded' THEN 'Succeeded' ELSE 'Failed' END::"RolloutClusterState",
    message = CASE operation.state WHEN 'Succeeded' THEN NULL ELSE coalesce(operation.error_message, 'It was canceled.') END,
    ended_at = coalesce(operation.finished_at, $2)
  FROM operations operation
  WHERE turn.rollout_id = $1::uuid AND turn.state = 'Running' AND operation.id = turn.operation_id
    AND operation.state IN ('Succeeded', 'Failed', 'Canceled')`;

/** The clusters of a wave: how many in which state, how many of those that succeeded are unwell now, and when the last one ended. */
const WAVE = `SELECT count(*) FILTER (WHERE turn.state = 'Waiting')::int AS waiting,
    count(*) FILTER (WHERE turn.state = 'Running')::int AS running,
    count(*) FILTER (WHERE turn.state <> 'Skipped')::int AS clusters,
    count(*) FILTER (WHERE turn.state = 'Failed' AND NOT turn.accepted)::int AS failed,
    count(*) FILTER (WHERE turn.state = 'Succeeded' AND cluster.observed_at > turn.ended_at
      AND cluster.conditions @> '[{"type": "Available", "status": "False"}]')::int AS unwell,
    min(turn.message) FILTER (WHERE turn.state = 'Failed' AND NOT turn.accepted) AS message,
    max(turn.ended_at) AS "endedAt"
  FROM rollout_clusters turn JOIN clusters cluster ON cluster.id = turn.cluster_id
  WHERE turn.rollout_id = $1::uuid AND turn.wave = $2`;

interface Wave {
  waiting: number;
  running: number;
  clusters: number;
  failed: number;
  unwell: number;
  message: string | null;
  endedAt: Date | null;
}

async function readWave(tx: Transaction, { id, wave }: Rollout): Promise<Wave> {
  const [found] = await tx.$queryRawUnsafe<Wave[]>(WAVE, id, wave);
  if (!found) throw new Error('An aggregate always has a row.');
  return found;
}

/** Why the wave stops the rollout, in a sentence; undefined when it does not. */
function findStop({ wave, toleratedPercent }: Rollout, { clusters, failed, unwell, message }: Wave): string | undefined {
  if (failed + unwell <= toleratedFailures(clusters, toleratedPercent)) return undefined;
  const sick = unwell > 0 ? `, and ${unwell} cannot be used since` : '';
  return `It failed at ${failed} of ${clusters} clusters of wave ${wave}${sick}; ${toleratedPercent} % are tolerated.${message ? ` ${message}` : ''}`;
}

type Next = { kind: 'begin'; places: number } | { kind: 'look'; at: Date } | { kind: 'ended' };

/** Judges the wave that is on, and moves to the next one when it is through and well. */
async function judge(tx: Transaction, rollout: Rollout, now: Date): Promise<Next> {
  const wave = await readWave(tx, rollout);
  const stop = findStop(rollout, wave);
  if (stop !== undefined) {
    await tx.rollout.update({ where: { id: rollout.id }, data: { state: 'Paused', pauseReason: stop } });
    return { kind: 'look', at: new Date(now.getTime() + LOOK_EVERY) };
  }
  if (wave.waiting + wave.running > 0) return { kind: 'begin', places: rollout.concurrency - wave.running };
  // A wave whose clusters were all left out has proved nothing and needs no watching.
  const soaked = wave.clusters === 0 ? now : new Date((wave.endedAt ?? now).getTime() + rollout.soakSeconds * 1000);
  if (soaked > now) return { kind: 'look', at: new Date(Math.min(soaked.getTime(), now.getTime() + LOOK_EVERY)) };
  if (rollout.wave < rollout.waves)
    return judge(tx, await tx.rollout.update({ where: { id: rollout.id }, data: { wave: { increment: 1 } } }), now);
  await tx.rollout.update({ where: { id: rollout.id }, data: { state: 'Succeeded', finishedAt: now } });
  return { kind: 'ended' };
}

async function settle(tx: Transaction, id: string, now: Date): Promise<Next> {
  await tx.$queryRaw`SELECT id FROM rollouts WHERE id = ${id}::uuid FOR UPDATE`;
  await tx.$executeRawUnsafe(SETTLE, id, now);
  const rollout = await tx.rollout.findUniqueOrThrow({ where: { id } });
  return rollout.state === 'Running' ? judge(tx, rollout, now) : { kind: 'look', at: new Date(now.getTime() + LOOK_EVERY) };
}

/** The next clusters of the wave whose turn may come now. */
const nextTurns = ({ prisma }: Database, rolloutId: string, wave: number, places: number, now: Date) =>
  prisma.rolloutCluster.findMany({
    where: { rolloutId, wave, state: 'Waiting', lookAt: { lte: now } },
    orderBy: { position: 'asc' },
    take: Math.max(places, 0),
  });

/** Takes turns until there are as many under way as may be, or none is left whose time has come: those left out take no place. */
async function beginTurns(database: Database, id: string, places: number, clock: Clock): Promise<Operation[]> {
  const { wave } = await database.prisma.rollout.findUniqueOrThrow({ where: { id } });
  const begun: Operation[] = [];
  for (;;) {
    const turns = await nextTurns(database, id, wave, places - begun.length, clock.now());
    if (turns.length === 0) return begun;
    for (const turn of turns) {
      const operation = await beginTurn(database, turn, clock);
      if (operation) begun.push(operation);
    }
  }
}

async function advance(database: Database, id: string, clock: Clock): Promise<Operation[]> {
  const now = clock.now();
  const next = await database.prisma.$transaction((tx) => settle(tx, id, now));
  const begun = next.kind === 'begin' ? await beginTurns(database, id, next.places, clock) : [];
  const lookAt = next.kind === 'look' ? next.at : new Date(now.getTime() + LOOK_EVERY);
  await database.prisma.rollout.update({ where: { id }, data: { lookAt } });
  return begun;
}

/**
 * Takes one rollout that is due for a look: notes what became of its operations, stops it when more failed than is tolerated,
 * begins the turns that there is room for, goes on to the next wave when this one is through, was watched and is well. Gives
 * the operations it asked for, for the bell; undefined when no rollout is due. Any number of processes may do this side by side.
 */
export async function advanceDueRollout(database: Database, clock: Clock): Promise<Operation[] | undefined> {
  const now = clock.now();
  const { rows } = await database.pool.query<{ id: string }>(TAKE, [now, new Date(now.getTime() + LOOK_LASTS)]);
  const [taken] = rows;
  return taken && advance(database, taken.id, clock);
}
