import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hours } from '@managed-consul/config';
import type { Cluster } from '@managed-consul/database';
import {
  adminRoleSchema,
  adminRoutes,
  coverageQuerySchema,
  type AdminRole,
  type AdminRouteName,
} from '@managed-consul/api-contract';
import { startAdminApi, type AdminApiUnderTest } from './testing/admin-api-under-test';

let api: AdminApiUnderTest;
beforeAll(async () => {
  api = await startAdminApi();
});
afterAll(() => api.stop());

const RANK: Record<AdminRole, number> = { viewer: 1, operator: 2, lead: 3 };
const GROUNDS = { reason: 'Only to see who may.', ticket: 'OPS-1' };

/** What each write is sent. A new one without an entry does not compile. */
type Write = {
  [Name in AdminRouteName]: (typeof adminRoutes)[Name] extends { body: unknown } ? Name : never;
}[AdminRouteName];
/** Of a moment that is always to come. */
const TOMORROW = new Date(Date.now() + hours(24)).toISOString();
const ROTATION = { ...GROUNDS, task: 'ServerCertificates' };
const { publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const BODIES: Record<Write, object | ((clusterId: string) => object)> = {
  retryOperation: GROUNDS,
  cancelOperation: GROUNDS,
  skipStep: { ...GROUNDS, step: 'clusterIsReady' },
  setVersion: { ...GROUNDS, status: 'PREVIEW' },
  setRegion: { ...GROUNDS, open: true },
  beginRollout: (clusterId) => ({ ...ROTATION, selection: { clusterIds: [clusterId] } }),
  pauseRollout: GROUNDS,
  resumeRollout: { ...GROUNDS, failed: 'accept' },
  abortRollout: GROUNDS,
  freeze: { ...GROUNDS, scope: 'All', until: TOMORROW },
  liftFreeze: GROUNDS,
  rotateCluster: { ...GROUNDS, what: 'GossipKey' },
  repairCluster: GROUNDS,
  takeSnapshot: GROUNDS,
  drillSnapshot: GROUNDS,
  restartServer: GROUNDS,
  redeployServer: GROUNDS,
  replaceServer: GROUNDS,
  transferLeadership: GROUNDS,
  removePeer: { ...GROUNDS, address: '172.25.16.9' },
  pause: (clusterId) => ({
    ...GROUNDS,
    scope: 'Cluster',
    value: clusterId,
    until: new Date(Date.now() + hours(1)).toISOString(),
  }),
  resume: GROUNDS,
  approveCredit: GROUNDS,
  refuseCredit: GROUNDS,
  setTenantQuota: { ...GROUNDS, maxClusters: 3, maxServers: 9 },
  suspendTenant: { ...GROUNDS, category: 'Abuse', contact: 'abuse@example.com' },
  unsuspendTenant: GROUNDS,
  denyTenant: { ...GROUNDS, contact: 'abuse@example.com' },
  undenyTenant: GROUNDS,
  beginMaintenanceSchedule: (clusterId) => ({
    ...{ ...ROTATION, name: clusterId, selection: { clusterIds: [clusterId] } },
    ...{ moment: { weekday: 'Sunday', hour: 3 }, everyWeeks: 4 },
  }),
  endMaintenanceSchedule: GROUNDS,
  requestBreakGlass: { ...GROUNDS, role: 'Diagnostics', minutes: 30, publicKey },
  approveBreakGlass: GROUNDS,
  revokeBreakGlass: GROUNDS,
  resendUsage: GROUNDS,
  correctUsage: { ...GROUNDS, hour: '2026-05-20T10:00:00Z' },
  creditUsage: (clusterId) => ({ ...GROUNDS, clusterId, from: '2026-05-20T10:00:00Z' }),
};

const grounds = () => ({ ...GROUNDS, actorTenantId: api.tenantId, actorId: api.objectIds.lead, correlationId: 'tests' });

/** The cluster's tenant, in the standing that the write begins with. */
async function tenantFor(name: AdminRouteName, { installationId: id }: Cluster): Promise<string> {
  const { prisma } = api.database;
  const { tenantId } = await prisma.installation.findUniqueOrThrow({ where: { id } });
  const contact = 'abuse@example.com';
  if (name === 'unsuspendTenant') {
    const why = { suspensionCategory: 'Abuse' as const, suspensionContact: contact };
    await prisma.tenant.create({ data: { tenantId, suspendedAt: new Date(), ...why } });
  }
  if (name === 'undenyTenant')
    await prisma.deniedTenant.create({ data: { tenantId, contact, ...GROUNDS, actorId: api.objectIds.lead } });
  return tenantId;
}

/** What stands for `{id}`, by the folder that it is in. */
async function idIn(name: AdminRouteName, path: string, cluster: Cluster): Promise<string> {
  const { prisma } = api.database;
  if (path.includes('tenants/')) return tenantFor(name, cluster);
  if (name === 'diagnoseConsul') {
    api.gateway.replies.set('vm-server-0', { answer: { index: 7, servers: [] } });
    return cluster.id;
  }
  if (path.includes('/snapshots/')) {
    const size = { state: 'VERIFIED' as const, expiresAt: TOMORROW };
    const { id: clusterId, installationId } = cluster;
    const made = { clusterId, installationId, name: 'by-hand', kind: 'MANUAL' as const, requestedBy: 'somebody' };
    return (await prisma.snapshot.create({ data: { ...made, ...size } })).id;
  }
  if (path.includes('/operations/')) {
    const { id } = await api.newOperation(cluster);
    const step = { operationId: id, name: 'clusterIsReady', position: 1, state: 'Waiting' as const, skippable: 'It only looks.' };
    await prisma.operationStep.create({ data: { ...step, startedAt: new Date() } });
    return id;
  }
  const pace = { selection: {}, concurrency: 1, toleratedPercent: 0, soakSeconds: 0 };
  const task = { task: 'GossipKey', ...pace, ...grounds() };
  if (path.includes('/rollouts/')) {
    const state = name === 'resumeRollout' ? ('Paused' as const) : ('Running' as const);
    return (await prisma.rollout.create({ data: { ...task, waves: 1, state } })).id;
  }
  if (path.includes('/freezes/')) {
    const data = { ...GROUNDS, scope: 'All' as const, until: TOMORROW, actorId: api.objectIds.lead };
    return (await prisma.freeze.create({ data })).id;
  }
  if (path.includes('/pauses/')) {
    const data = { ...GROUNDS, scope: 'Cluster' as const, value: cluster.id, until: TOMORROW, actorId: api.objectIds.lead };
    return (await prisma.pause.create({ data })).id;
  }
  if (path.includes('/break-glass/')) {
    const asked = { clusterId: cluster.id, role: 'Diagnostics' as const, minutes: 30, publicKey, requestedBy: 'somebody' };
    const times = { requestedAt: new Date(), approveBefore: TOMORROW };
    return (await prisma.breakGlassAccess.create({ data: { ...GROUNDS, ...asked, ...times } })).id;
  }
  if (path.includes('/credits/')) {
    const { id: clusterId, installationId } = cluster;
    const { hour: startsAt } = await api.newUsageRecord(cluster);
    const worth = { startsAt, hours: 1, secondsOfEach: 3600, amount: '120', currency: 'USD' };
    const asked = { ...GROUNDS, requestedBy: 'somebody', requestedAt: new Date() };
    return (await prisma.usageCredit.create({ data: { clusterId, installationId, ...worth, ...asked } })).id;
  }
  if (path.includes('/installations/')) {
    await api.newEmission(cluster, { state: 'Parked' });
    return cluster.installationId;
  }
  if (name === 'creditUsage' || name === 'correctUsage') {
    const { hour } = await api.newUsageRecord(cluster);
    await prisma.usageHour.createMany({ data: { hour, closedAt: hour, records: 1 }, skipDuplicates: true });
  }
  if (!path.includes('/maintenance-schedules/')) return cluster.id;
  const when = { name: cluster.id, moment: {}, everyWeeks: 1, nextAt: TOMORROW };
  return (await prisma.maintenanceSchedule.create({ data: { ...task, ...when } })).id;
}

async function targetOf(name: AdminRouteName, path: string, cluster: Cluster): Promise<string> {
  const version = `0.0.${String(Math.floor(Math.random() * 1e9))}`;
  if (name === 'setVersion')
    await api.database.prisma.consulVersion.create({ data: { version, status: 'AVAILABLE', licence: 'MPL-2.0' } });
  const id = await idIn(name, path, cluster);
  const parts = { id, version, name: 'westeurope', month: '2026-05', server: 'server-0', diagnostic: 'raft' };
  return path.replace(/\{(\w+)\}/g, (_, part: keyof typeof parts) => parts[part]);
}

const send = async (token: string | undefined, name: AdminRouteName) => {
  const { method, path, ...route } = adminRoutes[name];
  const cluster = await api.newCluster({ observedConsulVersion: '1.8.7' });
  for (const server of ['server-0', 'server-1']) await api.newServer(cluster, server);
  const body = name in BODIES ? BODIES[name as Write] : undefined;
  const options = body ? { body: body instanceof Function ? (body as (id: string) => object)(cluster.id) : body } : {};
  const query = 'query' in route && route.query === coverageQuerySchema ? '?from=2026-05-20T10:00:00Z' : '';
  return api.call(token, method, `${await targetOf(name, path, cluster)}${query}`, options);
};

const names = Object.keys(adminRoutes) as AdminRouteName[];

describe.each(names)('%s', (name) => {
  test.each(adminRoleSchema.options)('is for a %s exactly when its contract says so', async (role) => {
    const answer = await send(api.tokens[role], name);
    const allowed = RANK[role] >= RANK[adminRoutes[name].role];
    const outcome = [answer.body.error?.code, answer.status];
    expect(outcome).toEqual(allowed ? [undefined, 200] : ['AuthorizationFailed', 403]);
  });

  test('does not exist for outsiders, in the very words of an address that there is not', async () => {
    const audience = 'api://managed-consul-admin';
    const { issuer, tenantId, objectIds } = api;
    const outsiders = {
      'a colleague without a role': await issuer.sign({ tenantId, objectId: randomUUID(), audience }),
      'a customer': await issuer.sign({ tenantId: issuer.addTenant(), objectId: randomUUID(), audience }),
      "an operator's object id in another tenant": await issuer.sign({
        ...{ tenantId: issuer.addTenant(), objectId: objectIds.lead, audience },
      }),
    };
    for (const [who, token] of Object.entries(outsiders)) {
      const [answer, nothing] = [await send(token, name), await api.call(token, 'GET', '/admin/nothing')];
      expect([who, answer.status, answer.body]).toEqual([who, 404, nothing.body]);
    }
  });

  test("is closed to a customers' token, to a bad one and to none", async () => {
    const { issuer, tenantId, objectIds } = api;
    const objectId = objectIds.lead;
    const bad = [
      undefined,
      'not-a-token',
      await issuer.sign({ tenantId, objectId, audience: 'api://managed-consul' }),
      await issuer.sign({ tenantId, objectId, audience: 'api://managed-consul-admin', expiresIn: -3600 }),
    ];
    for (const token of bad) expect((await send(token, name)).status).toBe(401);
  });
});

test('a role is given to the groups that a token lists as well', async () => {
  const { issuer, tenantId, objectIds } = api;
  const member = { tenantId, objectId: randomUUID(), groups: [objectIds.viewer], audience: 'api://managed-consul-admin' };
  expect((await send(await issuer.sign(member), 'findClusters')).status).toBe(200);
});

test('every route is in the contract', () => {
  const promised = Object.values(adminRoutes).map(({ method, path }) => `${method} ${path}`);
  const offered = api.routes().filter((route) => !route.startsWith('HEAD '));
  // Who may see the page is in its own tests.
  const page = ['GET /fleet', 'GET /fleet/style.css', 'POST /fleet/sign-in', 'POST /fleet/sign-out'];
  expect(offered.sort()).toEqual([...promised, ...page, 'GET /healthz'].sort());
});
