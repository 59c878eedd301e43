import { randomUUID } from 'node:crypto';
import type { ApiClient } from '@managed-consul/api-contract';
import type { AccessRole, Cluster, Database, Installation, Prisma, Snapshot } from '@managed-consul/database';

/** A principal of a tenant, with a good token. */
export interface Person {
  tenantId: string;
  objectId: string;
  token: string;
}

/** What a snapshot says of the cluster that it was taken of. */
type SnapshotSource = Pick<Cluster, 'id' | 'installationId' | 'consulVersion'>;

/** Puts a database into a state that tests begin with. */
export interface TestRecords {
  /** A ready installation on which the person has the role. */
  newInstallation(person: Person, role?: AccessRole): Promise<Installation>;
  /** A cluster that is ready, as the worker leaves it; in an installation of the person's own unless said. */
  newReadyCluster(person: Person, more?: Prisma.ClusterUpdateInput & { installationId?: string }): Promise<Cluster>;
  /** A snapshot of the cluster, verified unless said. */
  newSnapshot(cluster: SnapshotSource, more?: Partial<Prisma.SnapshotCreateInput>): Promise<Snapshot>;
  /** Ends every unfinished operation of a cluster well, as the runner does. */
  endOperations(clusterId: string): Promise<void>;
}

/** Makes records as the person whose client `clientOf` gives, or as the worker would. */
export function testRecordsIn({ prisma }: Database, clientOf: (person: Person) => ApiClient): TestRecords {
  const records: TestRecords = {
    newInstallation: ({ tenantId, objectId: principalId }, role = 'Owner') =>
      prisma.installation.create({
        data: {
          ...{ kind: 'Direct', state: 'Ready', tenantId, subscriptionId: randomUUID() },
          ...{ resourceGroup: 'consul', region: 'westeurope', planId: 'on-demand' },
          roleAssignments: { create: { tenantId, principalId, role } },
        },
      }),
    async endOperations(clusterId) {
      const data = { state: 'Succeeded', finishedAt: new Date() } as const;
      await prisma.operation.updateMany({ where: { clusterId, state: { in: ['Pending', 'Running'] } }, data });
    },
    async newReadyCluster(person, { installationId, ...more } = {}) {
      const place = installationId ?? (await records.newInstallation(person)).id;
      const body = { installationId: place, name: 'hello', email: 'ops@example.com' };
      const { cluster } = (await clientOf(person).call('createCluster', { body })).body;
      await records.endOperations(cluster.id);
      const data = { provisioningState: 'Succeeded', observedConsulVersion: cluster.consulVersion, ...more } as const;
      return prisma.cluster.update({ where: { id: cluster.id }, data });
    },
    newSnapshot: ({ id: clusterId, installationId, consulVersion }, more = {}) =>
      prisma.snapshot.create({
        data: {
          ...{ clusterId, installationId, consulVersion, name: `snapshot-${randomUUID()}` },
          ...{ kind: 'MANUAL', state: 'VERIFIED', requestedBy: 'tests' },
          expiresAt: new Date('2100-01-01T00:00:00Z'),
          ...more,
        },
      }),
  };
  return records;
}
