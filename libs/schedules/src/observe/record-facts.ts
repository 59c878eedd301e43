import {
  backupCondition,
  certificatesCondition,
  CERTIFICATE_PURPOSES,
  secretOwnerOf,
  versionCondition,
  type ClusterFacts,
  type ObservedCondition,
} from '@managed-consul/clusters';
import { compareVersionsDescending } from '@managed-consul/consul-versions';
import { seconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import type { ClusterRecord } from '@managed-consul/workflows';

/** The end of each certificate that is in force: the newest of each purpose, of servers that are still there. */
async function certificateEnds({ prisma }: Database, cluster: ClusterRecord): Promise<Date[]> {
  const purposes = [CERTIFICATE_PURPOSES.certificateAuthority, ...cluster.serverRecords.map(({ vmId }) => `server/${vmId}`)];
  const newest = await prisma.certificate.findMany({
    where: { owner: secretOwnerOf(cluster.id), purpose: { in: purposes } },
    orderBy: [{ notBefore: 'desc' }, { id: 'desc' }],
    distinct: ['purpose'],
    select: { notAfter: true },
  });
  return newest.map(({ notAfter }) => notAfter);
}

const minorOf = (version: string): string => version.split('.').slice(0, 2).join('.');

/** What the catalogue says of a version, and the newest recommended one of the same minor version that can be installed. */
async function catalogueWord({ prisma }: Database, wanted: string) {
  const rows = await prisma.consulVersion.findMany({ include: { artifacts: { select: { platform: true } } } });
  const own = rows.find(({ version }) => version === wanted);
  const [newest] = rows
    .filter(({ status, artifacts }) => status === 'RECOMMENDED' && artifacts.length > 0)
    .map(({ version }) => version)
    .filter((version) => minorOf(version) === minorOf(wanted) && compareVersionsDescending(version, wanted) < 0)
    .sort(compareVersionsDescending);
  const blockedReason = own?.status === 'BLOCKED' ? (own.blockedReason ?? 'it is blocked.') : undefined;
  return { blockedReason, newer: newest };
}

/** What the service's own records say of a cluster: versions, certificates, snapshots. */
export async function conditionsFromRecords(
  database: Database,
  cluster: ClusterRecord,
  facts: ClusterFacts,
  now: Date,
): Promise<ObservedCondition[]> {
  const [ends, catalogue, snapshot] = await Promise.all([
    certificateEnds(database, cluster),
    catalogueWord(database, cluster.consulVersion),
    database.prisma.snapshot.findFirst({
      where: { clusterId: cluster.id, state: 'VERIFIED', verifiedAt: { not: null } },
      orderBy: { verifiedAt: 'desc' },
      select: { verifiedAt: true },
    }),
  ]);
  const running = facts.servers.flatMap(({ consulVersion }) => consulVersion ?? []);
  const interval = seconds(cluster.snapshotIntervalSeconds);
  return [
    versionCondition({ wanted: cluster.consulVersion, running, ...catalogue }),
    certificatesCondition(ends, now),
    backupCondition({ lastSnapshotAt: snapshot?.verifiedAt ?? undefined, readyAt: cluster.createdAt, interval }, now),
  ];
}
