import { randomUUID } from 'node:crypto';
import { openDatabase, type Database, type Operation, type Prisma } from '@managed-consul/database';
import { seedCatalogue } from './catalogue';
import { createTestDatabase, type TestDatabase } from './test-servers';

/** A database of its own with one installation, for what works on the rows of clusters and asks nothing outside. */
export class RowBench {
  readonly database: Database;
  readonly #place: TestDatabase;
  readonly #installationId: string;
  #clusters = 0;

  private constructor(place: TestDatabase, database: Database, installationId: string) {
    this.#place = place;
    this.database = database;
    this.#installationId = installationId;
  }

  static async open(): Promise<RowBench> {
    const place = await createTestDatabase();
    const database = openDatabase({ url: place.url, maxConnections: 4 });
    await seedCatalogue(database);
    const { id } = await database.prisma.installation.create({
      data: {
        ...{ kind: 'Direct', state: 'Ready', tenantId: randomUUID(), subscriptionId: randomUUID(), resourceGroup: 'place' },
        ...{ region: 'westeurope', planId: 'on-demand' },
      },
    });
    return new RowBench(place, database, id);
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.#place.drop();
  }

  /** A cluster that is ready; its id. Its servers are `<name>-0` and so on, with vmIds `vm-0` and so on. */
  async newCluster(more: Partial<Prisma.ClusterUncheckedCreateInput> & { servers?: number } = {}): Promise<string> {
    const number = (this.#clusters += 1);
    const name = `cluster-${number}`;
    const servers = Array.from({ length: more.servers ?? 1 }, (_none, index) => ({
      ...{ name: `${name}-${index}`, azureName: `${name}_${index}`, instanceId: String(index), vmId: `vm-${index}` },
      ...{ address: `10.1.${number}.${index + 4}`, consulVersion: '1.8.7' },
    }));
    const { id } = await this.database.prisma.cluster.create({
      data: {
        ...{ installationId: this.#installationId, name, provisioningState: 'Succeeded', datacenter: 'dc' },
        ...{ region: 'westeurope', consulVersion: '1.8.7', observedConsulVersion: '1.8.7', servers: servers.length },
        ...{ vmSize: 'Standard_D2s_v3', planId: 'on-demand', networkCidr: `10.1.${number}.0/24`, email: 'a@example.com' },
        ...more,
        serverRecords: { create: servers },
      },
    });
    return id;
  }

  /** An operation on the cluster as it is left behind in the table, and the outputs of steps that it has been through. */
  newOperation(
    clusterId: string,
    more: Partial<Prisma.OperationUncheckedCreateInput> & Pick<Prisma.OperationUncheckedCreateInput, 'kind' | 'state'>,
    steps: Readonly<Record<string, Prisma.InputJsonValue>> = {},
  ): Promise<Operation> {
    const startedAt = new Date('2026-01-01T00:00:00Z');
    const rows = Object.entries(steps).map(([name, output], index) => ({
      ...{ name, output, position: index + 1, state: 'Succeeded' as const, startedAt },
    }));
    const about = { clusterId, installationId: this.#installationId, subject: `cluster/${clusterId}`, requestedBy: 'tests' };
    return this.database.prisma.operation.create({ data: { ...about, ...more, steps: { create: rows } } });
  }
}
