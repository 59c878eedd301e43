import { randomUUID } from 'node:crypto';
import type { Requester } from '@managed-consul/access';
import { registerConsulArtifact } from '@managed-consul/consul-versions';
import type { Clock, Milliseconds } from '@managed-consul/config';
import type { Database, Operation, Prisma } from '@managed-consul/database';
import { advanceDueRollout } from './advance-rollout';

/** A clock that a test moves. */
type MovedClock = Clock & { advance(by: Milliseconds): void };

/** A fleet whose operations the test ends by hand. For tests. */
export interface TestFleet {
  database: Database;
  clock: MovedClock;
  operator: Requester;
  installationId: string;
  tenantId: string;
  addClusters(count: number, more?: Partial<Prisma.ClusterUncheckedCreateInput>): Promise<string[]>;
  /** Looks until nothing more is due at this moment; gives the clusters at which something began. */
  advance(): Promise<string[]>;
  /** Ends what is under way: as it was asked for, except at the clusters that are named. */
  end(failingAt?: readonly string[]): Promise<void>;
}

const VERSIONS = ['1.8.7', '1.8.9', '1.8.10'];

function clusterOf({ id, clusterId }: Pick<Operation, 'id' | 'clusterId'>): string {
  if (clusterId === null) throw new Error(`Operation ${id} is about no cluster.`);
  return clusterId;
}

async function endOperation({ prisma }: Database, operation: Operation, fails: boolean, now: Date): Promise<void> {
  const failure = { state: 'Failed', errorCode: 'ServerUnhealthy', errorMessage: 'A server did not come back.' } as const;
  const outcome = fails ? failure : ({ state: 'Succeeded' } as const);
  await prisma.operation.update({ where: { id: operation.id }, data: { ...outcome, finishedAt: now, wakeAt: null } });
  const { hops } = operation.input as { hops?: string[] };
  const version = fails ? undefined : hops?.at(-1);
  const reached = version === undefined ? {} : { consulVersion: version, observedConsulVersion: version };
  await prisma.cluster.update({
    where: { id: clusterOf(operation) },
    data: { provisioningState: fails ? 'Failed' : 'Succeeded', ...reached },
  });
}

/** Makes one in a database with a catalogue. */
export async function buildFleet(database: Database, clock: MovedClock): Promise<TestFleet> {
  const { prisma } = database;
  for (const version of VERSIONS) {
    await prisma.consulVersion.upsert({
      where: { version },
      update: {},
      create: { version, status: 'AVAILABLE', licence: 'MPL-2.0' },
    });
    await registerConsulArtifact(database, { version, platform: 'linux-amd64', sha256: 'a'.repeat(64), sizeBytes: 1 });
  }
  const tenantId = randomUUID();
  const { id: installationId } = await prisma.installation.create({
    data: {
      ...{ kind: 'Direct', state: 'Ready', tenantId, subscriptionId: randomUUID(), resourceGroup: 'place', region: 'westeurope' },
      planId: 'on-demand',
    },
  });
  let made = 0;
  const addCluster = async (more: Partial<Prisma.ClusterUncheckedCreateInput>) => {
    made += 1;
    const network = `10.${Math.floor(made / 256)}.${made % 256}`;
    const { id } = await prisma.cluster.create({
      data: {
        ...{ installationId, name: `cluster-${made}`, provisioningState: 'Succeeded', datacenter: 'dc', region: 'westeurope' },
        ...{ consulVersion: '1.8.7', observedConsulVersion: '1.8.7', servers: 1, vmSize: 'Standard_D2s_v3', planId: 'on-demand' },
        ...{ upgradePolicy: 'Automatic', networkCidr: `${network}.0/24`, email: 'a@example.com', ...more },
        serverRecords: {
          create: {
            ...{ name: 'server-0', azureName: 'vm-0', instanceId: '0', vmId: 'vm-0', consulVersion: '1.8.7', raftRole: 'leader' },
            address: `${network}.4`,
          },
        },
      },
    });
    return id;
  };
  return {
    ...{ database, clock, installationId, tenantId },
    operator: { tenantId: randomUUID(), objectId: randomUUID(), groupIds: [], correlationId: randomUUID() },
    async addClusters(count, more = {}) {
      const ids: string[] = [];
      for (let index = 0; index < count; index += 1) ids.push(await addCluster(more));
      return ids;
    },
    async advance() {
      const begun: string[] = [];
      for (let looked; (looked = await advanceDueRollout(database, clock));) begun.push(...looked.map(clusterOf));
      return begun;
    },
    async end(failingAt = []) {
      const open = await prisma.operation.findMany({ where: { state: { in: ['Pending', 'Running'] } } });
      for (const operation of open)
        await endOperation(database, operation, failingAt.includes(clusterOf(operation)), clock.now());
      clock.advance(10_000);
    },
  };
}
