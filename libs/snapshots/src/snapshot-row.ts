import { systemClock, type Clock } from '@managed-consul/config';
import type { Cluster, Prisma, Snapshot, SnapshotKind, Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { defaultSnapshotName } from './snapshot-names';

/** What of a cluster a restore needs to know when the cluster itself is gone. */
export interface SnapshotClusterFacts {
  name: string;
  datacenter: string;
  region: string;
  servers: number;
  vmSize: string;
}

/** A snapshot that shall be taken. `requestedBy` as in an operation; without a name it gets one from kind and time. */
export interface NewSnapshot {
  kind: SnapshotKind;
  /** Drawn beforehand by whoever must name the snapshot before its row exists. */
  id?: string | undefined;
  name?: string | undefined;
  requestedBy: string;
}

const factsOf = ({ name, datacenter, region, servers, vmSize }: Cluster): SnapshotClusterFacts => ({
  ...{ name, datacenter, region, servers, vmSize },
});

/** Letters, digits and what a file name can hold; starts and ends with a letter or digit; at most 64 characters. */
const NAME = /^[a-z0-9]([a-z0-9._ -]{0,62}[a-z0-9])?$/i;

/** Refuses with InvalidRequest a name that does not fit the rules, and with SnapshotNameExists one that is taken. */
export async function requireFreeName(
  tx: Transaction,
  { clusterId, name, except }: { clusterId: string; name: string; except?: string },
): Promise<void> {
  if (!NAME.test(name)) {
    const message =
      'A name has at most 64 letters, digits, spaces, dots, hyphens and underscores, and starts and ends with a letter or digit.';
    throw new AppError('InvalidRequest', message, {
      target: 'name',
      details: [{ code: 'InvalidName', target: 'name', message }],
    });
  }
  const taken = await tx.snapshot.findFirst({
    where: {
      clusterId,
      deletedAt: null,
      name: { equals: likeExactly(name), mode: 'insensitive' },
      ...(except ? { id: { not: except } } : {}),
    },
    select: { id: true },
  });
  if (taken)
    throw new AppError('SnapshotNameExists', `Snapshot ${taken.id} of the cluster is named '${name}'. Choose another name.`, {
      target: 'name',
    });
}

/** Comparing without regard to case is a pattern match in the database; these characters would stand for others. */
const likeExactly = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

/**
 * Records that a snapshot of the cluster shall be taken: QUEUED, kept as long as the cluster says. The caller has locked the
 * cluster's row and records the operation that takes the snapshot. Throws InvalidRequest and SnapshotNameExists.
 */
export async function createSnapshotRow(
  tx: Transaction,
  cluster: Cluster,
  { kind, id, name, requestedBy }: NewSnapshot,
  clock: Clock = systemClock,
): Promise<Snapshot> {
  const now = clock.now();
  const chosen = name ?? defaultSnapshotName(kind, now);
  await requireFreeName(tx, { clusterId: cluster.id, name: chosen });
  return tx.snapshot.create({
    data: {
      ...(id === undefined ? {} : { id }),
      ...{ clusterId: cluster.id, installationId: cluster.installationId, name: chosen, kind, requestedBy },
      createdAt: now,
      expiresAt: new Date(now.getTime() + cluster.snapshotRetentionSeconds * 1000),
      consulVersion: cluster.observedConsulVersion,
      clusterFacts: factsOf(cluster) as unknown as Prisma.InputJsonObject,
    },
  });
}
