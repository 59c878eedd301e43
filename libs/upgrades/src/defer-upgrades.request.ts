import { recordAudit, type Requester } from '@managed-consul/access';
import { lockCluster, recordClusterEvent, setSchedule } from '@managed-consul/clusters';
import { hours, systemClock, type Clock } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';

/** Patches close holes: they can be put off and not for ever. */
export const LONGEST_DEFERRAL_DAYS = 60;

export interface DeferUpgradesWish {
  requester: Requester;
  clusterId: string;
  /** Null ends a deferral. */
  until: Date | null;
}

/**
 * Puts automatic upgrades off until a moment, or ends that. An upgrade that the customer asks for is not put off. Throws
 * ResourceNotFound, AuthorizationFailed, and InvalidRequest for a moment that is over or more than 60 days away.
 */
export async function deferUpgrades(
  tx: Transaction,
  { requester, clusterId, until }: DeferUpgradesWish,
  clock: Clock = systemClock,
): Promise<{ upgradeDeferredUntil: Date | null }> {
  const { installationId } = await lockCluster(tx, requester, clusterId);
  const now = clock.now();
  const latest = new Date(now.getTime() + LONGEST_DEFERRAL_DAYS * hours(24));
  if (until !== null && (until <= now || until > latest)) {
    const message = `Choose a moment in the next ${LONGEST_DEFERRAL_DAYS} days, at the latest ${latest.toISOString()}.`;
    throw new AppError('InvalidRequest', message, { details: [{ code: 'OutOfRange', target: 'until', message }] });
  }
  await tx.cluster.update({ where: { id: clusterId }, data: { upgradeDeferredUntil: until, revision: { increment: 1 } } });
  await setSchedule(tx, clusterId, 'upgrade', now);
  const detail = { until: until?.toISOString() ?? null };
  await recordAudit(tx, requester, { action: 'defer-upgrades', installationId, clusterId, detail });
  const message = until
    ? `Automatic upgrades are put off until ${until.toISOString()}.`
    : 'Automatic upgrades are put off no more.';
  await recordClusterEvent(tx, { clusterId, type: 'UpgradesDeferred', message });
  return { upgradeDeferredUntil: until };
}
