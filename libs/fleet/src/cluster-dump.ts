import type { Database } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';

type Row = Record<string, unknown>;

/** Everything that is stored about a cluster, as plain JSON. */
export interface ClusterDump {
  cluster: Row;
  installation: Row;
  federation: Row | null;
  servers: Row[];
  findings: Row[];
  schedules: Row[];
  operations: Row[];
  snapshots: Row[];
  events: Row[];
  audit: Row[];
  certificates: Row[];
  enrolments: Row[];
  rootTokens: Row[];
}

/** How many rows of each kind, the newest. */
const NEWEST = 100;

/** As JSON can carry it. */
const plain = <Shape>(value: Shape): Shape =>
  JSON.parse(JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner))) as Shape;

/**
 * Reads it. Left out are the secrets themselves, the hash of the front door's, and what steps hand to each other, which is the
 * engine's own. Throws ResourceNotFound.
 */
export async function dumpCluster({ prisma }: Database, id: string): Promise<ClusterDump> {
  const found = await prisma.cluster.findUnique({
    where: { id },
    include: { installation: { omit: { frontDoorSecretHash: true }, include: { roleAssignments: true } }, federation: true },
  });
  if (!found) throw new AppError('ResourceNotFound', `There is no cluster ${id}.`);
  const { installation, federation, ...cluster } = found;
  const ofCluster = { where: { clusterId: id }, take: NEWEST };
  const steps = { omit: { output: true }, orderBy: { position: 'asc' } } as const;
  const [operations, snapshots, events, audit] = await Promise.all([
    prisma.operation.findMany({ ...ofCluster, orderBy: { createdAt: 'desc' }, include: { steps } }),
    prisma.snapshot.findMany({ ...ofCluster, orderBy: { createdAt: 'desc' } }),
    prisma.clusterEvent.findMany({ ...ofCluster, orderBy: { id: 'desc' } }),
    prisma.auditEvent.findMany({ ...ofCluster, orderBy: { id: 'desc' } }),
  ]);
  return plain({
    ...{ cluster, installation, federation, operations, snapshots, events, audit },
    servers: await prisma.server.findMany({ ...ofCluster, orderBy: { name: 'asc' } }),
    findings: await prisma.clusterFinding.findMany(ofCluster),
    schedules: await prisma.clusterSchedule.findMany(ofCluster),
    enrolments: await prisma.agentEnrolment.findMany(ofCluster),
    rootTokens: await prisma.rootToken.findMany(ofCluster),
    certificates: await prisma.certificate.findMany({
      where: { owner: `cluster/${id}` },
      orderBy: { notAfter: 'desc' },
      take: NEWEST,
      omit: { pem: true },
    }),
  });
}
