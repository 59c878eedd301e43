import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recordAudit, verifyAuditChains } from '@managed-consul/access';
import { adminRoutes, writeAnswerSchema, type AdminRouteName } from '@managed-consul/api-contract';
import type { Cluster } from '@managed-consul/database';
import { startAdminApi, type AdminApiUnderTest } from './testing/admin-api-under-test';

let api: AdminApiUnderTest;
beforeAll(async () => {
  api = await startAdminApi();
});
afterAll(() => api.stop());

const GROUNDS = { reason: 'A worker seems to be stuck.', ticket: 'OPS-42' };
const prisma = () => api.database.prisma;
const read = async (name: AdminRouteName, path: string) => {
  const answer = await api.call(api.tokens.viewer, 'GET', path);
  expect([answer.status, answer.body.error ?? undefined]).toEqual([200, undefined]);
  return adminRoutes[name].answer.parse(answer.body) as never;
};
const auditOf = (where: object) => prisma().auditEvent.findMany({ where, orderBy: { id: 'asc' } });

describe('finding clusters', () => {
  test('narrows by what is known of them, page by page', async () => {
    const clusters = [
      await api.newCluster({ name: 'alpha', region: 'eastus' }),
      await api.newCluster({ name: 'beta', provisioningState: 'Failed' }),
      await api.newCluster({ name: 'Alphabet', consulVersion: '1.8.6' }),
      await api.newCluster({ name: 'gone', deletedAt: new Date(), provisioningState: 'Deleted' }),
    ];
    const looked = { source: 'observe', message: 'm', firstSeenAt: new Date(), lastSeenAt: new Date() };
    await prisma().clusterFinding.create({ data: { clusterId: clusters[0]!.id, reason: 'ServerSilent', ...looked } });
    const names = async (query: string) => {
      const { value } = (await read('findClusters', `/admin/clusters?${query}`)) as { value: { name: string }[] };
      return value.map(({ name }) => name);
    };
    expect(await names('')).toEqual(['Alphabet', 'beta', 'alpha']);
    expect(await names('deleted=true')).toContain('gone');
    expect(await names('name=ALPHA')).toEqual(['Alphabet', 'alpha']);
    expect(await names('region=eastus')).toEqual(['alpha']);
    expect(await names('provisioningState=Failed')).toEqual(['beta']);
    expect(await names('consulVersion=1.8.6')).toEqual(['Alphabet']);
    expect(await names('health=unhealthy')).toEqual(['beta', 'alpha']);
    expect(await names('health=healthy')).toEqual(['Alphabet']);
    const { installationId, createdAt } = clusters[1]!;
    const { tenantId } = await prisma().installation.findUniqueOrThrow({ where: { id: installationId } });
    expect(await names(`tenantId=${tenantId}`)).toEqual(['beta']);
    expect(await names(`createdBefore=${createdAt.toISOString()}`)).toEqual(['alpha']);
    const first = (await read('findClusters', '/admin/clusters?pageSize=2')) as { value: unknown[]; nextPageToken: string };
    expect(first.value).toHaveLength(2);
    expect(await names(`pageToken=${first.nextPageToken}`)).toEqual(['alpha']);
  });

  test('dumps everything of a cluster and no secret of it', async () => {
    const cluster = await api.newCluster({ name: 'dumped' });
    const marks = Array.from({ length: 4 }, () => `marked-${randomUUID()}`);
    await prisma().installation.update({ where: { id: cluster.installationId }, data: { frontDoorSecretHash: marks[0]! } });
    const owner = `cluster/${cluster.id}`;
    await prisma().secret.create({ data: { owner, purpose: 'gossip-key', ciphertext: Buffer.from(marks[1]!) } });
    const operation = await api.newOperation(cluster, { state: 'Running' });
    const step = { operationId: operation.id, name: 'tokenIsStored', position: 1, state: 'Succeeded' as const };
    await prisma().operationStep.create({ data: { ...step, startedAt: new Date(), output: { token: marks[2]! } } });
    const validity = { notBefore: new Date(), notAfter: new Date() };
    const certificate = { owner, purpose: 'ca', serial: '1', subject: 'CN=x', pem: marks[3]!, ...validity };
    await prisma().certificate.create({ data: certificate });
    const dump = (await read('dumpCluster', `/admin/clusters/${cluster.id}/dump`)) as Record<string, unknown>;
    expect(dump).toMatchObject({
      cluster: { name: 'dumped' },
      installation: { id: cluster.installationId },
      operations: [{ id: operation.id, steps: [{ name: 'tokenIsStored' }] }],
      certificates: [{ serial: '1' }],
    });
    const pace = { selection: {}, concurrency: 1, toleratedPercent: 0, soakSeconds: 0, waves: 1 };
    const grounds = {
      reason: 'To read it.',
      ticket: 'OPS-1',
      actorTenantId: api.tenantId,
      actorId: 'lead',
      correlationId: 'tests',
    };
    const { id: rollout } = await prisma().rollout.create({
      data: { task: 'GossipKey', ...pace, ...grounds, clusters: { create: { clusterId: cluster.id, wave: 1, position: 1 } } },
    });
    const asked = {
      clusterId: cluster.id,
      role: 'Diagnostics' as const,
      minutes: 30,
      publicKey: 'none',
      requestedBy: 'somebody',
    };
    const open = { approvedBy: 'another', endsAt: new Date(), accessorId: randomUUID(), sealedToken: marks[0]! };
    const { id: access } = await prisma().breakGlassAccess.create({
      data: {
        reason: 'To read it.',
        ticket: 'OPS-1',
        ...asked,
        ...open,
        state: 'Open',
        requestedAt: new Date(),
        approveBefore: new Date(),
      },
    });
    const { tenantId } = await prisma().installation.findUniqueOrThrow({ where: { id: cluster.installationId } });
    const { vmId } = await api.newServer(cluster, 'server-0', { vmId: randomUUID() });
    api.gateway.replies.set(vmId, { answer: { index: 7, servers: [], secret: marks[0] } });
    const seen = { name: 'consul-nsg', type: 'securityGroups', state: 'Succeeded', drift: 'None', difference: null };
    const resources = [{ ...seen, tags: { owner: marks[0] } }];
    await prisma().azureInventory.create({ data: { clusterId: cluster.id, seenAt: new Date(0), resources } });
    expect(await read('listAzureResources', `/admin/clusters/${cluster.id}/azure/resources`)).toEqual({
      ...{ seenAt: '1970-01-01T00:00:00.000Z', value: [seen] },
    });
    const paths = [
      '/admin/billing/credits',
      ...['/admin/tenants', `/admin/tenants/${tenantId}`, '/admin/denied-tenants'],
      ...['/admin/pauses', '/admin/break-glass', `/admin/break-glass/${access}`],
      ...['/admin/clusters', `/admin/clusters/${cluster.id}`, `/admin/clusters/${cluster.id}/dump`, '/admin/operations'],
      ...[`/admin/operations/${operation.id}`, '/admin/queue', '/admin/versions', '/admin/audit'],
      ...['/admin/rollouts', `/admin/rollouts/${rollout}`, `/admin/rollouts/${rollout}/clusters`],
      ...['/admin/freezes', '/admin/maintenance-schedules', '/admin/billing/coverage?from=2026-05-20T10:00:00Z'],
      ...[`/admin/clusters/${cluster.id}/consul/raft`, `/admin/clusters/${cluster.id}/azure/resources`],
      ...['owed', 'records', 'emissions', 'mismatches', 'exports/2026-05'].map((name) => `/admin/billing/${name}`),
    ];
    expect(paths).toHaveLength(Object.values(adminRoutes).filter(({ method }) => method === 'GET').length);
    for (const path of paths) {
      const { text, status } = await api.call(api.tokens.lead, 'GET', path);
      expect([path, status]).toEqual([path, 200]);
      for (const mark of [...marks, Buffer.from(marks[1]!).toString('base64')]) expect(text).not.toContain(mark);
    }
    for (const mark of marks) expect(api.logged.join('\n')).not.toContain(mark);
  });
});

describe('operations', () => {
  test('are shown with the attempts and errors of their steps and who works on them, and counted in the queue', async () => {
    const cluster = await api.newCluster();
    const [created, lease] = [new Date(Date.now() - 60_000), new Date(Date.now() + 60_000)];
    const running = { state: 'Running', leaseOwner: 'worker-1', leaseUntil: lease, currentStep: 'serverHasJoined' } as const;
    const { id } = await api.newOperation(cluster, { ...running, wakeAt: created, correlationId: 'corr-1' });
    const step = { operationId: id, name: 'serverHasJoined', position: 1, state: 'Waiting' as const, attempts: 9, failures: 4 };
    await prisma().operationStep.create({ data: { ...step, lastProblem: 'Azure answered 503.', startedAt: created } });
    const due = await api.newOperation(await api.newCluster(), { wakeAt: created });
    const dead = { state: 'Running', leaseOwner: 'worker-0', leaseUntil: created } as const;
    await api.newOperation(await api.newCluster(), { ...dead, wakeAt: created });

    expect(await read('getOperation', `/admin/operations/${id}`)).toMatchObject({
      lease: { owner: 'worker-1' },
      correlationId: 'corr-1',
      steps: [{ name: 'serverHasJoined', attempts: 9, lastProblem: 'Azure answered 503.' }],
    });
    const found = (await read('findOperations', '/admin/operations?correlationId=corr-1')) as { value: { id: string }[] };
    expect(found.value.map((one) => one.id)).toEqual([id]);
    const queue = (await read('getQueue', '/admin/queue')) as { due: number; oldestDueSeconds: number };
    expect(queue).toMatchObject({
      workers: [{ name: 'worker-1', leases: 1 }],
      expiredLeases: 1,
      failing: [{ operationId: id, step: 'serverHasJoined', failures: 4 }],
    });
    expect(queue.due).toBeGreaterThanOrEqual(1);
    expect(queue.oldestDueSeconds).toBeGreaterThanOrEqual(59);
    await prisma().operation.delete({ where: { id: due.id } });
  });

  test('look again at once when an operator says so, once for a key, and the customer can read it', async () => {
    const cluster = await api.newCluster();
    const later = new Date(Date.now() + 3_600_000);
    const { id } = await api.newOperation(cluster, { state: 'Running', currentStep: 'diskIsThere', wakeAt: later });
    const step = { operationId: id, name: 'diskIsThere', position: 1, state: 'Waiting' as const, failures: 7 };
    await prisma().operationStep.create({ data: { ...step, startedAt: new Date() } });
    const path = `/admin/operations/${id}/retry`;

    const plan = await api.call(api.tokens.operator, 'POST', `${path}?dryRun=true`, { body: GROUNDS });
    expect(plan.body.error).toBeUndefined();
    expect(writeAnswerSchema.parse(plan.body)).toMatchObject({ dryRun: true, before: { wakeAt: later.toISOString() } });
    expect(await auditOf({ operationId: id })).toEqual([]);
    expect(await prisma().operation.findUnique({ where: { id } })).toMatchObject({ wakeAt: later, wakeNumber: 0 });

    const headers = { 'idempotency-key': randomUUID() };
    const once = await api.call(api.tokens.operator, 'POST', path, { body: GROUNDS, headers });
    const twice = await api.call(api.tokens.operator, 'POST', path, { body: GROUNDS, headers });
    expect(once.body.error).toBeUndefined();
    expect(twice.body).toEqual(once.body);
    expect(await prisma().operation.findUnique({ where: { id }, include: { steps: true } })).toMatchObject({
      wakeNumber: 1,
      steps: [{ failures: 0 }],
    });
    expect(api.bell.rung).toContainEqual(expect.objectContaining({ id, wakeNumber: 1 }));
    expect(await auditOf({ operationId: id })).toMatchObject([
      { actorKind: 'Operator', actorId: api.objectIds.operator, action: 'retry-operation', clusterId: cluster.id, ...GROUNDS },
    ]);
    const other = await api.call(api.tokens.operator, 'POST', path, { body: { ...GROUNDS, ticket: 'OPS-43' }, headers });
    expect([other.status, other.body.error?.code]).toEqual([409, 'IdempotencyKeyReused']);
  });

  test('go on without a step only when its workflow allows that, for a lead, and the record and the customer learn of it', async () => {
    const cluster = await api.newCluster();
    const later = new Date(Date.now() + 3_600_000);
    const { id } = await api.newOperation(cluster, { state: 'Running', currentStep: 'clusterIsReady', wakeAt: later });
    const row = { operationId: id, position: 1, state: 'Waiting' as const, startedAt: new Date(), attempts: 40 };
    await prisma().operationStep.create({ data: { ...row, name: 'clusterIsReady', skippable: 'It only looks.' } });
    const skip = (body: object = {}, query = '', headers: Record<string, string> = {}) =>
      api.call(api.tokens.lead, 'POST', `/admin/operations/${id}/skip-step${query}`, {
        body: { ...GROUNDS, step: 'clusterIsReady', ...body },
        headers,
      });

    const plan = await skip({}, '?dryRun=true');
    expect(writeAnswerSchema.parse(plan.body)).toMatchObject({ dryRun: true, after: { stepState: 'Skipped' } });
    expect((await skip({ item: 'server-1' })).body.error?.code).toBe('StepNotCurrent');
    expect(await auditOf({ operationId: id })).toEqual([]);
    const held = { leaseOwner: 'worker-1', leaseUntil: later };
    await prisma().operation.update({ where: { id }, data: held });
    expect((await skip()).body.error?.code).toBe('StepBeingTried');
    await prisma().operation.update({ where: { id }, data: { leaseUntil: new Date(0) } });
    await prisma().operationStep.updateMany({ where: { operationId: id }, data: { skippable: null } });
    expect((await skip()).body.error?.code).toBe('StepNotSkippable');
    await prisma().operationStep.updateMany({ where: { operationId: id }, data: { skippable: 'It only looks.' } });

    const headers = { 'idempotency-key': randomUUID() };
    const [once, twice] = [await skip({}, '', headers), await skip({}, '', headers)];
    expect(once.body.error).toBeUndefined();
    expect(twice.body).toEqual(once.body);
    expect((await skip()).body.error?.code).toBe('StepNotCurrent');
    expect(await prisma().operation.findUnique({ where: { id } })).toMatchObject({ wakeNumber: 1, leaseOwner: null });
    expect(api.bell.rung).toContainEqual(expect.objectContaining({ id, wakeNumber: 1 }));
    const skippedBy = `${api.tenantId}/${api.objectIds.lead}`;
    expect(await read('getOperation', `/admin/operations/${id}`)).toMatchObject({ steps: [{ state: 'Skipped', skippedBy }] });
    expect(await auditOf({ operationId: id })).toMatchObject([
      { actorKind: 'Operator', actorId: api.objectIds.lead, action: 'skip-step', clusterId: cluster.id, ...GROUNDS },
    ]);
    const told = await prisma().clusterEvent.findMany({ where: { clusterId: cluster.id } });
    expect(told).toMatchObject([{ type: 'StepSkipped', operationId: id }]);
    expect(told[0]?.message).not.toContain(api.objectIds.lead);
  });

  test('are canceled, and neither a delete nor what has ended is', async () => {
    const cluster = await api.newCluster();
    const { id } = await api.newOperation(cluster, { state: 'Running' });
    const cancel = (operation: string) =>
      api.call(api.tokens.lead, 'POST', `/admin/operations/${operation}/cancel`, { body: GROUNDS });
    expect((await cancel(id)).body.error).toBeUndefined();
    expect(await prisma().operation.findUnique({ where: { id } })).toMatchObject({ cancelRequestedAt: expect.any(Date) });
    const deletion = await api.newOperation(await api.newCluster(), { lane: 'Delete' });
    const ended = await api.newOperation(await api.newCluster(), { state: 'Succeeded' });
    for (const one of [deletion, ended]) {
      expect((await cancel(one.id)).body.error?.code).toBe('Conflict');
      expect(await auditOf({ operationId: one.id })).toEqual([]);
    }
    expect((await cancel(randomUUID())).body.error?.code).toBe('ResourceNotFound');
  });

  test.each([
    ['no reason', { ticket: 'OPS-1' }],
    ['a reason of one word', { ...GROUNDS, reason: 'because' }],
    ['no ticket', { reason: GROUNDS.reason }],
    ['a field that there is not', { ...GROUNDS, force: true }],
  ])('are left alone by a write with %s', async (_what, body) => {
    const { id } = await api.newOperation(await api.newCluster(), { state: 'Running' });
    const answer = await api.call(api.tokens.lead, 'POST', `/admin/operations/${id}/cancel`, { body });
    expect([answer.status, answer.body.error?.code]).toEqual([400, 'InvalidRequest']);
    expect(await prisma().operation.findUnique({ where: { id } })).toMatchObject({ cancelRequestedAt: null });
  });

  test('are not touched when it cannot be recorded who touched them', async () => {
    const { id } = await api.newOperation(await api.newCluster(), { state: 'Running' });
    await api.database.pool.query('UPDATE audit_heads SET chain = chain + 100');
    const answer = await api.call(api.tokens.lead, 'POST', `/admin/operations/${id}/cancel`, { body: GROUNDS });
    await api.database.pool.query('UPDATE audit_heads SET chain = chain - 100');
    expect(answer.status).toBe(500);
    expect(await prisma().operation.findUnique({ where: { id } })).toMatchObject({ cancelRequestedAt: null });
  });
});

describe('the catalogue', () => {
  const put = (path: string, body: object) => api.call(api.tokens.lead, 'PUT', path, { body: { ...GROUNDS, ...body } });

  test('never loses its recommended version, says how many clusters a block touches, and wants a reason for it', async () => {
    await prisma().consulVersion.createMany({
      data: [
        { version: '1.14.1', status: 'AVAILABLE', licence: 'MPL-2.0' },
        { version: '1.14.2', status: 'AVAILABLE', licence: 'MPL-2.0' },
      ],
    });
    await api.newCluster({ consulVersion: '1.14.1' });
    expect((await put('/admin/versions/1.14.2', { status: 'RECOMMENDED' })).body.error).toBeUndefined();
    const recommended = await prisma().consulVersion.findMany({ where: { status: 'RECOMMENDED' } });
    expect(recommended.map(({ version }) => version)).toEqual(['1.14.2']);
    expect((await put('/admin/versions/1.14.2', { status: 'PREVIEW' })).body.error?.code).toBe('Conflict');
    expect((await put('/admin/versions/1.14.1', { status: 'BLOCKED' })).body.error?.code).toBe('InvalidRequest');
    const blockedReason = 'It loses leases under load.';
    const dry = await put('/admin/versions/1.14.1?dryRun=true', { status: 'BLOCKED', blockedReason });
    expect(dry.body).toMatchObject({ dryRun: true, after: { clusters: 1 } });
    expect((await put('/admin/versions/1.14.1', { status: 'BLOCKED', blockedReason })).body.error).toBeUndefined();
    const { value } = (await read('listVersions', '/admin/versions')) as { value: object[] };
    expect(value).toContainEqual(expect.objectContaining({ version: '1.14.1', status: 'BLOCKED', blockedReason, clusters: 1 }));
    expect((await put('/admin/versions/9.9.9', { status: 'PREVIEW' })).body.error?.code).toBe('ResourceNotFound');
  });

  test('closes a region and opens it again', async () => {
    for (const open of [false, true]) {
      const answer = await put('/admin/regions/westeurope', { open });
      expect(answer.body.error).toBeUndefined();
      expect(await prisma().region.findUnique({ where: { name: 'westeurope' } })).toMatchObject({ open });
    }
    expect((await put('/admin/regions/nowhere', { open: true })).body.error?.code).toBe('ResourceNotFound');
  });
});

test('the audit record is searched by tenant: what it did, and what was done to its installations', async () => {
  const ready = { observedConsulVersion: '1.8.7' };
  const [mine, theirs] = [await api.newCluster(ready), await api.newCluster(ready)];
  const tenantOf = async ({ installationId: id }: Cluster) =>
    (await prisma().installation.findUniqueOrThrow({ where: { id } })).tenantId;
  const tenantId = await tenantOf(mine);
  const customer = { tenantId, objectId: randomUUID(), groupIds: [], correlationId: 'tests' };
  const { clusterId, installationId } = { clusterId: mine.id, installationId: mine.installationId };
  await prisma().$transaction(async (tx) => {
    await recordAudit(tx, customer, { action: 'create-cluster', clusterId, installationId });
    await recordAudit(tx, { ...customer, tenantId: await tenantOf(theirs) }, { action: 'create-cluster', clusterId: theirs.id });
  });
  const call = { body: GROUNDS };
  for (const { id } of [mine, theirs]) await api.call(api.tokens.operator, 'POST', `/admin/clusters/${id}/repair`, call);
  const { value } = (await read('searchAudit', `/admin/audit?tenantId=${tenantId}`)) as { value: object[] };
  expect(value).toMatchObject([
    { actorKind: 'Operator', action: 'repair-cluster', clusterId, ticket: GROUNDS.ticket },
    { actorKind: 'Customer', action: 'create-cluster', clusterId },
  ]);
});

test('the audit record is searched page by page, the search is in it, and it stays whole', async () => {
  const ticket = `OPS-${randomUUID()}`;
  for (const open of [true, true, true]) {
    await api.call(api.tokens.lead, 'PUT', '/admin/regions/eastus', { body: { ...GROUNDS, ticket, open } });
  }
  const path = `/admin/audit?ticket=${ticket}&action=set-region-intake&pageSize=2`;
  const first = (await read('searchAudit', path)) as { value: object[]; nextPageToken: string };
  expect(first.value).toMatchObject([{ actorKind: 'Operator', ticket }, { ticket }]);
  const second = (await read('searchAudit', `${path}&pageToken=${first.nextPageToken}`)) as { value: object[] };
  expect(second.value).toHaveLength(1);
  const searches = await auditOf({ action: 'search-audit', actorId: api.objectIds.viewer });
  expect(searches.filter(({ detail }) => (detail as { ticket?: string }).ticket === ticket)).toHaveLength(2);
  expect((await verifyAuditChains(api.database)).faults).toEqual([]);
});
