import type { Cluster, Database } from '@managed-consul/database';
import { OPERATION_KINDS } from './cluster-names';

/** How a cluster began. */
export interface ClusterOrigin {
  /** Consul version that it was made with. */
  consulVersion: string;
  /** The program that asked for it, where it said so. */
  sourceChannel: string | undefined;
}

const textIn = (input: unknown, name: string): string | undefined => {
  const value = typeof input === 'object' && input !== null ? (input as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' ? value : undefined;
};

/** Reads how a cluster began. Its version is the one that the snapshot before its first upgrade was taken of. */
export async function readClusterOrigin({ prisma }: Database, { id, consulVersion }: Cluster): Promise<ClusterOrigin> {
  const first = (kind: string) =>
    prisma.operation.findFirst({ where: { clusterId: id, kind }, orderBy: { createdAt: 'asc' }, select: { input: true } });
  const [create, upgrade] = await Promise.all([first(OPERATION_KINDS.createCluster), first(OPERATION_KINDS.upgradeCluster)]);
  const snapshotId = textIn(upgrade?.input, 'safetySnapshotId');
  const before = snapshotId ? await prisma.snapshot.findUnique({ where: { id: snapshotId } }) : null;
  return { consulVersion: before?.consulVersion ?? consulVersion, sourceChannel: textIn(create?.input, 'sourceChannel') };
}
