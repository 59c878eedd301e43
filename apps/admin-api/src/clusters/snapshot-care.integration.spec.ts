import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Cluster, Prisma } from '@managed-consul/database';
import { startAdminApi, type AdminApiUnderTest } from '../testing/admin-api-under-test';

let api: AdminApiUnderTest;
beforeAll(async () => {
  api = await startAdminApi();
});
afterAll(() => api.stop());

const WHY = { reason: 'Before the disks are moved.', ticket: 'OPS-77' };
const post = (path: string) => api.call(api.tokens.operator, 'POST', path, { body: WHY });
const newCluster = (more: Partial<Cluster> = {}) => api.newCluster({ observedConsulVersion: '1.8.7', ...more });
const snapshotsOf = (clusterId: string) => api.database.prisma.snapshot.findMany({ where: { clusterId } });
const newSnapshot = ({ id: clusterId, installationId }: Cluster, more: Partial<Prisma.SnapshotUncheckedCreateInput> = {}) =>
  api.database.prisma.snapshot.create({
    data: {
      ...{ clusterId, installationId, name: 'nightly', kind: 'SCHEDULED', state: 'VERIFIED', requestedBy: 'schedule' },
      ...{ expiresAt: new Date('2100-01-01T00:00:00Z'), ...more },
    },
  });

test('an operator has a snapshot taken, with the reason before it in the audit record, and the customer sees it', async () => {
  const cluster = await newCluster();
  const path = `/admin/clusters/${cluster.id}/snapshots`;
  expect((await post(`${path}?dryRun=true`)).body).toMatchObject({ dryRun: true, action: 'take-snapshot' });
  expect(await snapshotsOf(cluster.id)).toEqual([]);

  expect((await post(path)).status).toBe(200);
  const by = `operator/${api.objectIds.operator}`;
  const [snapshot] = await snapshotsOf(cluster.id);
  expect(snapshot).toMatchObject({ kind: 'MANUAL', state: 'QUEUED', requestedBy: by });
  const [operation] = await api.database.prisma.operation.findMany({ where: { clusterId: cluster.id } });
  expect(operation).toMatchObject({ kind: 'take-snapshot', requestedBy: by, input: { snapshotId: snapshot?.id } });
  expect(api.bell.rung.map(({ id }) => id)).toContain(operation?.id);
  const audit = await api.database.prisma.auditEvent.findMany({ where: { clusterId: cluster.id } });
  expect(audit).toMatchObject([{ action: 'take-snapshot', actorKind: 'Operator', ...WHY }]);
  expect((await post(path)).body.error?.code).toBe('OperationInProgress');
});

test('an operator has a snapshot proved', async () => {
  const cluster = await newCluster();
  const { id } = await newSnapshot(cluster);
  const path = `/admin/snapshots/${id}/drill`;
  expect((await post(`${path}?dryRun=true`)).body).toMatchObject({ dryRun: true, action: 'drill-snapshot' });
  expect(await api.database.prisma.operation.count({ where: { clusterId: cluster.id } })).toBe(0);

  expect((await post(path)).status).toBe(200);
  const [operation] = await api.database.prisma.operation.findMany({ where: { clusterId: cluster.id } });
  expect(operation).toMatchObject({ kind: 'drill-snapshot', subject: `snapshot/${id}`, state: 'Pending' });
  expect(api.bell.rung.map((rung) => rung.id)).toContain(operation?.id);
  expect((await post(path)).body.error?.code).toBe('OperationInProgress');
});

test('nothing is asked of clusters and snapshots that cannot do it, in a dry run neither', async () => {
  const asleep = await newCluster({ powerState: 'Suspended' });
  const gone = await newCluster({ deletedAt: new Date() });
  const paths = [
    [`/admin/clusters/${asleep.id}/snapshots`, 409, 'Conflict'],
    [`/admin/clusters/${gone.id}/snapshots`, 404, 'ResourceNotFound'],
    ['/admin/clusters/nowhere/snapshots', 400, 'InvalidRequest'],
    [`/admin/snapshots/${(await newSnapshot(asleep)).id}/drill`, 409, 'Conflict'],
    [`/admin/snapshots/${(await newSnapshot(gone)).id}/drill`, 409, 'Conflict'],
    [`/admin/snapshots/${(await newSnapshot(await newCluster(), { state: 'FAILED' })).id}/drill`, 409, 'Conflict'],
    [`/admin/snapshots/${randomUUID()}/drill`, 404, 'ResourceNotFound'],
  ] as const;
  for (const [path, ...refusal] of paths)
    for (const query of ['', '?dryRun=true']) {
      const { status, body } = await post(`${path}${query}`);
      expect([status, body.error?.code], path).toEqual(refusal);
    }
});
