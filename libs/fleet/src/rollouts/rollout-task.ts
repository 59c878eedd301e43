import {
  ROTATION_TARGETS,
  rotationChange,
  sharedTargets,
  type ClusterChange,
  type ClusterWithServers,
  type RotationTarget,
} from '@managed-consul/clusters';
import type { Clock } from '@managed-consul/config';
import type { Rollout, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { decideUpgrade } from '@managed-consul/upgrades';

export const UPGRADE = 'Upgrade';

/** What is done to each cluster of a rollout. */
export const ROLLOUT_TASKS = [UPGRADE, ...ROTATION_TARGETS] as const;
export type RolloutTask = (typeof ROLLOUT_TASKS)[number];

const isRotation = (task: string): task is RotationTarget => ROTATION_TARGETS.some((target) => target === task);

/**
 * The rollout's task at a locked cluster, as a change to record. Throws an AppError that says why the cluster takes no such change:
 * those of an upgrade, and ClusterFederated for keys that it has in common with others.
 */
export async function decideTask(
  tx: Transaction,
  cluster: ClusterWithServers,
  { id, task, consulVersion, reason }: Pick<Rollout, 'id' | 'task' | 'consulVersion' | 'reason'>,
  clock: Clock,
): Promise<ClusterChange> {
  if (isRotation(task)) {
    if ((await sharedTargets(tx, cluster.id)).includes(task)) {
      throw new AppError('ClusterFederated', 'It shares this with other datacenters of its federation.');
    }
    return rotationChange(task, reason.replace(/\.$/, ''));
  }
  if (task !== UPGRADE || consulVersion === null) throw new Error(`Rollout ${id} has an unknown task: ${task}.`);
  const wish = { to: consulVersion, requestedBy: `rollout/${id}`, automatic: true };
  const change = await decideUpgrade(tx, cluster, wish, clock);
  const message = `The service upgrades Consul from ${cluster.consulVersion} to ${consulVersion}: ${reason}`;
  return { ...change, event: { ...change.event, message } };
}
