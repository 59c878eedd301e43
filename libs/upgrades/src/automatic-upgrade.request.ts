import {
  findFreeze,
  findWindow,
  recordClusterChange,
  requireManageable,
  WINDOW_LENGTH,
  type ClusterWithServers,
} from '@managed-consul/clusters';
import { hours, minutes, type Clock } from '@managed-consul/config';
import { newestPatch } from '@managed-consul/consul-versions';
import type { Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Operation } from '@managed-consul/operations';
import { readUpgradeFacts } from './running-versions';
import { decideUpgrade } from './upgrade.request';

/** What came of a look at one cluster. */
export interface AutomaticUpgrade {
  /** The upgrade that was asked for; undefined when there is none to make now. */
  operation: Operation | undefined;
  /** When to look again; undefined when the cluster is gone. */
  nextLook: Date | undefined;
}

/** Whoever changes policy or window sets the time anew; this is for what nobody tells of. */
const WITHOUT_WINDOW = hours(24);

type Window = Parameters<typeof findWindow>[0];

async function lockById(tx: Transaction, clusterId: string): Promise<ClusterWithServers | null> {
  await tx.$queryRaw`SELECT id FROM clusters WHERE id = ${clusterId}::uuid FOR UPDATE`;
  return tx.cluster.findUnique({ where: { id: clusterId, deletedAt: null }, include: { serverRecords: true } });
}

function openingOf(cluster: ClusterWithServers, at: Date): Date | undefined {
  if (cluster.upgradePolicy !== 'Automatic') return undefined;
  const limits = { blackoutDates: cluster.blackoutDates as string[], deferredUntil: cluster.upgradeDeferredUntil };
  return findWindow(cluster.maintenanceWindow as Window, at, limits);
}

/** The upgrade that is due, unless the cluster cannot take one now: then the next window is soon enough. */
async function requestNow(tx: Transaction, cluster: ClusterWithServers, clock: Clock): Promise<Operation | undefined> {
  const to = newestPatch(await readUpgradeFacts(tx, cluster));
  // After a failure a person looks first: the same upgrade at the same cluster would fail again.
  if (to === undefined || cluster.provisioningState !== 'Succeeded') return undefined;
  try {
    requireManageable(cluster);
    const change = await decideUpgrade(tx, cluster, { to, requestedBy: 'schedule/upgrade', automatic: true }, clock);
    return await recordClusterChange(tx, cluster, change, { schedule: 'upgrade' }, clock);
  } catch (error) {
    if (error instanceof AppError && error.code === 'Conflict') return undefined;
    throw error;
  }
}

/**
 * Looks whether a cluster's maintenance window is open and asks for the newest patch of its line when there is one. Throws
 * OperationInProgress while another operation holds the cluster: the transaction must then store nothing, and the look is
 * to be repeated while the window is open.
 */
export async function requestAutomaticUpgrade(tx: Transaction, clusterId: string, clock: Clock): Promise<AutomaticUpgrade> {
  const now = clock.now();
  const cluster = await lockById(tx, clusterId);
  if (!cluster) return { operation: undefined, nextLook: undefined };
  const opening = openingOf(cluster, now);
  if (!opening) return { operation: undefined, nextLook: new Date(now.getTime() + WITHOUT_WINDOW) };
  if (opening > now) return { operation: undefined, nextLook: opening };
  // A freeze may be lifted while the window is open.
  if (await findFreeze(tx, cluster, now)) return { operation: undefined, nextLook: new Date(now.getTime() + minutes(5)) };
  // Soon again, while the window is open: what is being done to the cluster may end in time.
  if (cluster.provisioningState === 'Updating') return { operation: undefined, nextLook: new Date(now.getTime() + minutes(5)) };
  const operation = await requestNow(tx, cluster, clock);
  const afterThisWindow = new Date(opening.getTime() + WINDOW_LENGTH);
  return { operation, nextLook: openingOf(cluster, afterThisWindow) ?? new Date(now.getTime() + WITHOUT_WINDOW) };
}
