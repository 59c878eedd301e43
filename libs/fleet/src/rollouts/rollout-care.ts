import { randomUUID } from 'node:crypto';
import type { Requester } from '@managed-consul/access';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Cluster, Prisma, Rollout, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Change } from '../change';
import { counted } from '../counted';
import { selectClusters, type ClusterSelection } from './cluster-selection';
import { UPGRADE, type RolloutTask } from './rollout-task';
import { planWaves } from './wave-plan';

/** A rollout as it is asked for. */
export interface RolloutWish {
  task: RolloutTask;
  /** Of an upgrade: where to. */
  consulVersion?: string | undefined;
  selection: ClusterSelection;
  /** Clusters at the same time. */
  concurrency: number;
  toleratedPercent: number;
  soakSeconds: number;
  evenIfManual?: boolean | undefined;
}

/** Who asks, why, and of which maintenance schedule it is a turn. */
export interface RolloutGrounds {
  requester: Requester;
  reason: string;
  ticket: string;
  maintenanceSchedule?: string;
}

async function requireVersion(tx: Transaction, version: string): Promise<void> {
  const found = await tx.consulVersion.findUnique({ where: { version }, include: { artifacts: true } });
  if (!found)
    throw new AppError('InvalidRequest', `There is no Consul version ${version} in the catalogue.`, { target: 'consulVersion' });
  const why = found.status === 'BLOCKED' ? `is blocked: ${found.blockedReason ?? ''}` : 'has no program yet';
  if (found.status === 'BLOCKED' || found.artifacts.length === 0)
    throw new AppError('InvalidRequest', `Consul ${version} ${why}.`, { target: 'consulVersion' });
}

const taskOf = ({ task, consulVersion }: Pick<RolloutWish, 'task' | 'consulVersion'>): string =>
  task === UPGRADE ? `an upgrade to Consul ${consulVersion ?? ''}` : `a rotation of ${task}`;

interface Turn {
  cluster: Cluster;
  wave: number;
}

const turnsOf = (clusters: readonly Cluster[], waves: readonly number[]): Turn[] => {
  const waveOf = waves.flatMap((size, index) => Array.from({ length: size }, () => index + 1));
  return clusters.map((cluster, index) => ({ cluster, wave: waveOf[index] ?? waves.length }));
};

async function storeTurns(tx: Transaction, rolloutId: string, turns: readonly Turn[], now: Date): Promise<void> {
  const [ids, waves] = [turns.map(({ cluster }) => cluster.id), turns.map(({ wave }) => wave)];
  await tx.$executeRaw`INSERT INTO rollout_clusters (rollout_id, cluster_id, wave, position, look_at)
    SELECT ${rolloutId}::uuid, turn.cluster_id, turn.wave, turn.position, ${now}
    FROM unnest(${ids}::uuid[], ${waves}::int[]) WITH ORDINALITY AS turn(cluster_id, wave, position)`;
}

/**
 * Plans a task over a part of the fleet. Clusters that run the wanted version already are not among them; others that cannot take
 * the task are left out when it is their turn, and say why. Throws InvalidRequest for a version that may not be installed, a
 * selection that names nothing, and one that finds nothing.
 */
export async function planRollout(
  tx: Transaction,
  wish: RolloutWish,
  { requester, reason, ticket, maintenanceSchedule }: RolloutGrounds,
  clock: Clock = systemClock,
): Promise<Change> {
  const { task, consulVersion, selection, concurrency, toleratedPercent, soakSeconds, evenIfManual = false } = wish;
  if ((task === UPGRADE) !== (consulVersion !== undefined))
    throw new AppError('InvalidRequest', 'Give a consulVersion with Upgrade, and with nothing else.', {
      target: 'consulVersion',
    });
  if (consulVersion !== undefined) await requireVersion(tx, consulVersion);
  // By what was asked for, so that a dry run shows the waves that the rollout will have.
  const selected = await selectClusters(tx, selection, `${task}/${consulVersion ?? ''}/${ticket}`);
  const clusters = selected.filter((cluster) => cluster.observedConsulVersion !== consulVersion);
  if (clusters.length === 0)
    throw new AppError('InvalidRequest', 'No cluster is selected that this would change.', { target: 'selection' });
  const waves = planWaves(clusters.length);
  const turns = turnsOf(clusters, waves);
  const id = randomUUID();
  const first = turns
    .filter(({ wave }) => wave === 1)
    .map(({ cluster }) => ({ id: cluster.id, name: cluster.name, region: cluster.region }));
  return {
    action: 'begin-rollout',
    summary: `${counted(clusters.length, 'cluster')} ${clusters.length === 1 ? 'gets' : 'get'} ${taskOf(wish)}, in ${waves.length === 1 ? 'one wave' : `waves of ${waves.join(', ')}`}.`,
    before: {},
    newId: id,
    after: { task, consulVersion: consulVersion ?? null, clusters: clusters.length, waves, firstWave: first },
    apply: async () => {
      const now = clock.now();
      const { tenantId: actorTenantId, objectId: actorId, correlationId } = requester;
      await tx.rollout.create({
        data: {
          ...{
            id,
            task,
            consulVersion: consulVersion ?? null,
            selection: selection as Prisma.InputJsonObject,
            waves: waves.length,
          },
          ...{ concurrency, toleratedPercent, soakSeconds, evenIfManual, reason, ticket, actorTenantId, actorId, correlationId },
          ...{ maintenanceSchedule: maintenanceSchedule ?? null, lookAt: now, createdAt: now },
        },
      });
      await storeTurns(tx, id, turns, now);
    },
  };
}

/** The rollout, locked: what is planned about it stays true until it is done. Throws ResourceNotFound. */
async function lockRollout(tx: Transaction, id: string): Promise<Rollout> {
  await tx.$queryRaw`SELECT id FROM rollouts WHERE id = ${id}::uuid FOR UPDATE`;
  const rollout = await tx.rollout.findUnique({ where: { id } });
  if (!rollout) throw new AppError('ResourceNotFound', `There is no rollout ${id}.`);
  return rollout;
}

function requireState({ id, state }: Rollout, ...allowed: Rollout['state'][]): void {
  if (!allowed.includes(state))
    throw new AppError('Conflict', `Rollout ${id} is ${state}; that is possible while it is ${allowed.join(' or ')}.`);
}

/** Begins at no more clusters until it is resumed; what has begun is finished. Throws ResourceNotFound, Conflict. */
export async function planPauseOfRollout(tx: Transaction, id: string, reason: string): Promise<Change> {
  const rollout = await lockRollout(tx, id);
  requireState(rollout, 'Running');
  return {
    action: 'pause-rollout',
    summary: `Rollout ${id} begins at no more clusters until it is resumed.`,
    before: { state: rollout.state },
    after: { state: 'Paused' },
    apply: async () => {
      await tx.rollout.update({ where: { id }, data: { state: 'Paused', pauseReason: reason } });
    },
  };
}

/** How a paused rollout goes on. */
export interface ResumeWish {
  /** What becomes of clusters at which it failed: their turn comes again, or they are left as they are and stop it no more. */
  failed: 'retry' | 'accept';
  /** Another version for all whose turn is to come; of an upgrade. */
  consulVersion?: string | undefined;
}

function turnOf(failures: number, failed: ResumeWish['failed']): string {
  const [another, left] =
    failures === 1 ? ['has another turn', 'is left as it is'] : ['have another turn', 'are left as they are'];
  return `${counted(failures, 'cluster')} at which it failed ${failed === 'retry' ? another : left}`;
}

/** Lets a paused rollout go on. Throws ResourceNotFound, Conflict, InvalidRequest. */
export async function planResumeOfRollout(
  tx: Transaction,
  id: string,
  { failed, consulVersion }: ResumeWish,
  clock: Clock = systemClock,
): Promise<Change> {
  const rollout = await lockRollout(tx, id);
  requireState(rollout, 'Paused');
  if (consulVersion !== undefined) {
    if (rollout.task !== UPGRADE)
      throw new AppError('InvalidRequest', 'Only an upgrade goes to a version.', { target: 'consulVersion' });
    await requireVersion(tx, consulVersion);
  }
  const failures = await tx.rolloutCluster.count({ where: { rolloutId: id, state: 'Failed', accepted: false } });
  const version = consulVersion ?? rollout.consulVersion;
  return {
    action: 'resume-rollout',
    summary: `Rollout ${id} goes on${consulVersion ? ` to Consul ${consulVersion}` : ''}; ${turnOf(failures, failed)}.`,
    before: { state: rollout.state, consulVersion: rollout.consulVersion },
    after: { state: 'Running', consulVersion: version },
    apply: async () => {
      const now = clock.now();
      const again = { state: 'Waiting' as const, operationId: null, message: null, lookAt: now, startedAt: null, endedAt: null };
      await tx.rolloutCluster.updateMany({
        where: { rolloutId: id, state: 'Failed', accepted: false },
        data: failed === 'retry' ? again : { accepted: true },
      });
      await tx.rollout.update({
        where: { id },
        data: { state: 'Running', pauseReason: null, consulVersion: version, lookAt: now },
      });
    },
  };
}

/** Ends a rollout where it is; what has begun is finished, the rest is never touched. Throws ResourceNotFound, Conflict. */
export async function planAbortOfRollout(tx: Transaction, id: string, clock: Clock = systemClock): Promise<Change> {
  const rollout = await lockRollout(tx, id);
  requireState(rollout, 'Running', 'Paused');
  const waiting = await tx.rolloutCluster.count({ where: { rolloutId: id, state: 'Waiting' } });
  return {
    action: 'abort-rollout',
    summary: `Rollout ${id} ends; ${counted(waiting, 'cluster')} ${waiting === 1 ? 'stays as it is' : 'stay as they are'}.`,
    before: { state: rollout.state },
    after: { state: 'Aborted', untouched: waiting },
    apply: async () => {
      const skipped = { state: 'Skipped' as const, message: 'The rollout was aborted before its turn.', endedAt: clock.now() };
      await tx.rolloutCluster.updateMany({ where: { rolloutId: id, state: 'Waiting' }, data: skipped });
      await tx.rollout.update({ where: { id }, data: { state: 'Aborted', finishedAt: clock.now() } });
    },
  };
}
