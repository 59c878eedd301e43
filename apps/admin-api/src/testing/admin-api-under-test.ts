import { randomUUID } from 'node:crypto';
import { createTokenVerifier } from '@managed-consul/access';
import type { AdminRole } from '@managed-consul/api-contract';
import { systemClock } from '@managed-consul/config';
import {
  openDatabase,
  type Cluster,
  type Database,
  type Operation,
  type Server,
  type UsageEmission,
  type UsageRecord,
} from '@managed-consul/database';
import { createLogger } from '@managed-consul/observability';
import { AppTokenIssuer, createTestDatabase, NotedBell, seedCatalogue } from '@managed-consul/testing';
import type { AdminServices } from '../admin-services';
import { createAdminApi } from '../create-admin-api';
import { startGatewayStandIn, type GatewayStandIn } from './gateway-stand-in';

const AUDIENCE = 'api://managed-consul-admin';

export interface AdminAnswer {
  status: number;
  text: string;
  body: { error?: { code: string; message: string } } & Record<string, unknown>;
}

export interface AdminCall {
  body?: unknown;
  headers?: Record<string, string>;
}

/** The operators' API on a PostgreSQL of its own, with an issuer of its own and one operator of each role. */
export interface AdminApiUnderTest {
  database: Database;
  issuer: AppTokenIssuer;
  bell: NotedBell;
  /** What agents reply, by vmId; one without a reply is not connected. */
  gateway: GatewayStandIn;
  tenantId: string;
  objectIds: Record<AdminRole, string>;
  tokens: Record<AdminRole, string>;
  logged: string[];
  routes: () => string[];
  /** A customer's cluster as the worker leaves it. */
  newCluster(more?: Partial<Cluster>): Promise<Cluster>;
  /** A server that is a member, and healthy as far as was seen. */
  newServer(cluster: Cluster, name: string, more?: Partial<Server>): Promise<Server>;
  newOperation(cluster: Cluster, more?: Partial<Operation>): Promise<Operation>;
  /** A row of the ledger: the whole hour of 2026-05-20T10:00Z. */
  newUsageRecord(cluster: Cluster, more?: Partial<UsageRecord>): Promise<UsageRecord>;
  /** What the Marketplace is to be told of that hour. */
  newEmission(cluster: Cluster, more?: Partial<UsageEmission>): Promise<UsageEmission>;
  call(token: string | undefined, method: string, path: string, options?: AdminCall): Promise<AdminAnswer>;
  /** A request as it is, to the address below the API's own. */
  fetch(address: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

async function recordsIn({ prisma }: Database) {
  const newCluster = async (more: Partial<Cluster> = {}) => {
    const installation = await prisma.installation.create({
      data: {
        ...{ kind: 'Direct', state: 'Ready', tenantId: randomUUID(), subscriptionId: randomUUID() },
        ...{ resourceGroup: 'consul', region: 'westeurope', planId: 'on-demand' },
      },
    });
    const data = {
      ...{ installationId: installation.id, name: 'hello', datacenter: 'hello', region: 'westeurope', consulVersion: '1.8.7' },
      ...{ servers: 3, vmSize: 'Standard_D2s_v3', networkCidr: '172.25.16.0/24', email: 'ops@example.com' },
      ...{ planId: 'on-demand', provisioningState: 'Succeeded' as const },
      ...more,
    };
    return prisma.cluster.create({ data: data as Parameters<typeof prisma.cluster.create>[0]['data'] });
  };
  const newServer = async ({ id: clusterId }: Cluster, name: string, more: Partial<Server> = {}) => {
    const machine = { azureName: name, instanceId: name, vmId: `vm-${name}`, address: '172.25.16.4' };
    return prisma.server.create({ data: { clusterId, name, ...machine, healthy: true, ...more } });
  };
  const newOperation = async ({ id, installationId }: Cluster, more: Partial<Operation> = {}) => {
    const about = { clusterId: id, installationId, subject: `cluster/${id}`, kind: 'scale-cluster', requestedBy: 'customer' };
    return prisma.operation.create({ data: { ...about, ...more } as Parameters<typeof prisma.operation.create>[0]['data'] });
  };
  const hour = new Date('2026-05-20T10:00:00Z');
  const newUsageRecord = async ({ id: clusterId, installationId, planId }: Cluster, more: Partial<UsageRecord> = {}) => {
    const data = {
      clusterId,
      installationId,
      planId,
      hour,
      meter: 'cluster/production/3/Standard_D2s_v3',
      seconds: 3600,
      quantity: 3600,
      ...more,
    };
    return prisma.usageRecord.create({ data });
  };
  const newEmission = async ({ installationId, planId }: Cluster, more: Partial<UsageEmission> = {}) => {
    const what = {
      installationId,
      planId,
      hour,
      resourceId: randomUUID(),
      dimension: 'cluster',
      ledgerQuantity: 3600,
      quantity: 1,
    };
    return prisma.usageEmission.create({ data: { ...what, nextTryAt: hour, createdAt: hour, ...more } });
  };
  return { newCluster, newServer, newOperation, newUsageRecord, newEmission };
}

/** Starts one, which shows `queue` if it is given; `stop` ends everything that it started. */
export async function startAdminApi({ queue }: Pick<AdminServices, 'queue'> = {}): Promise<AdminApiUnderTest> {
  const [place, issuer, gateway] = await Promise.all([createTestDatabase(), AppTokenIssuer.start(), startGatewayStandIn()]);
  const database = openDatabase({ url: place.url, maxConnections: 5 });
  await seedCatalogue(database);
  const tenantId = issuer.addTenant();
  const objectIds = { viewer: randomUUID(), operator: randomUUID(), lead: randomUUID() };
  const sign = (objectId: string) => issuer.sign({ tenantId, objectId, audience: AUDIENCE });
  const logged: string[] = [];
  const bell = new NotedBell();
  const { application, routes } = await createAdminApi({
    database,
    bell,
    agents: gateway.agents,
    ...(queue ? { queue } : {}),
    queueDepth: async () => ({ waiting: 3, active: 2, delayed: 1, failed: 0, oldestWaitingSince: undefined }),
    verifier: createTokenVerifier({ authority: issuer.authority, audience: AUDIENCE }),
    operators: { tenantId, viewers: [objectIds.viewer], operators: [objectIds.operator], leads: [objectIds.lead] },
    breakGlass: { shortest: 5, longest: 240, approveWithin: 60 },
    creditLimit: 100,
    clock: systemClock,
    log: createLogger({ app: 'admin-api', level: 'debug' }, { write: (line: string) => void logged.push(line) }),
    publicUrl: 'https://admin.example.com',
  });
  await application.listen(0, '127.0.0.1');
  const url = (await application.getUrl()).replace('[::1]', '127.0.0.1');
  return {
    ...{ database, issuer, bell, gateway, tenantId, objectIds, logged, routes },
    ...(await recordsIn(database)),
    tokens: {
      viewer: await sign(objectIds.viewer),
      operator: await sign(objectIds.operator),
      lead: await sign(objectIds.lead),
    },
    async call(token, method, path, { body, headers } = {}) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = /^application\/json/.test(response.headers.get('content-type') ?? '') && text !== '';
      return { status: response.status, text, body: (isJson ? JSON.parse(text) : {}) as AdminAnswer['body'] };
    },
    fetch: (address, init) => fetch(`${url}${address}`, init),
    async stop() {
      await application.close();
      await database.close();
      await Promise.all([place.drop(), issuer.stop(), gateway.stop()]);
    },
  };
}
