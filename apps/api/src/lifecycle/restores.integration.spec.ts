import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acceptedClusterSchema, acceptedOperationSchema, restorePreviewSchema } from '@managed-consul/api-contract';
import { registerConsulArtifact } from '@managed-consul/consul-versions';
import type { Cluster } from '@managed-consul/database';
import { startApi, type ApiUnderTest, type Person, type RawAnswer } from '../testing/api-under-test';

let api: ApiUnderTest;
let owner: Person;

beforeAll(async () => {
  api = await startApi();
  owner = await api.newPerson();
  const program = { version: '1.8.7', platform: 'linux-amd64', sha256: 'a'.repeat(64), sizeBytes: 1 };
  await registerConsulArtifact(api.database, program);
});
afterAll(() => api.stop());

const codeOf = ({ status, body }: RawAnswer) => [status, body.error?.code];
const post = (cluster: Cluster, action: string, body: object, person = owner) =>
  api.request(person, 'POST', `/v1/clusters/${cluster.id}/${action}`, { body });
const inputOf = async (answer: RawAnswer) => {
  const { operation } = acceptedOperationSchema.parse(answer.body);
  return (await api.database.prisma.operation.findUniqueOrThrow({ where: { id: operation.id } })).input;
};
/** A snapshot of a cluster of another tenant. */
const foreignSnapshot = async () => api.newSnapshot(await api.newReadyCluster(await api.newPerson()));

describe('a restore', () => {
  test('takes a safety snapshot first unless that is declined', async () => {
    const [careful, bold] = [await api.newReadyCluster(owner), await api.newReadyCluster(owner)];
    const answer = await post(careful, 'restore', { snapshotId: (await api.newSnapshot(careful)).id });
    expect(answer.status).toBe(202);
    const { safetySnapshotId } = (await inputOf(answer)) as { safetySnapshotId: string };
    const { body } = await api.clientOf(owner).call('getSnapshot', { params: { id: safetySnapshotId } });
    expect([body.kind, body.clusterId]).toEqual(['SAFETY', careful.id]);
    const { id: snapshotId } = await api.newSnapshot(bold);
    const declined = await post(bold, 'restore', { snapshotId, safetySnapshot: false });
    expect(await inputOf(declined)).toEqual({ snapshotId, safetySnapshotId: null });
  });

  test.each(['restore', 'restore-preview'])(
    'of what is not there, not whole, not of this cluster or not to be seen is refused: %s',
    async (action) => {
      const cluster = await api.newReadyCluster(owner);
      const ask = async (snapshotId: unknown) => codeOf(await post(cluster, action, { snapshotId }));
      expect(await ask((await foreignSnapshot()).id)).toEqual([404, 'ResourceNotFound']);
      expect(await ask((await api.newSnapshot(await api.newReadyCluster(owner))).id)).toEqual([409, 'Conflict']);
      expect(await ask((await api.newSnapshot(cluster, { state: 'FAILED' })).id)).toEqual([409, 'Conflict']);
      expect(await ask((await api.newSnapshot(cluster, { deletedAt: new Date() })).id)).toEqual([404, 'ResourceNotFound']);
      expect(await ask((await api.newSnapshot(cluster, { consulVersion: '1.9.0' })).id)).toEqual([400, 'InvalidRequest']);
      expect(await ask('newest')).toEqual([400, 'InvalidRequest']);
      expect(await api.database.prisma.operation.count({ where: { clusterId: cluster.id } })).toBe(1);
    },
  );

  test('is refused while another operation holds the cluster, and only one of two at once is accepted', async () => {
    const cluster = await api.newReadyCluster(owner);
    const { id: snapshotId } = await api.newSnapshot(cluster);
    const answers = await Promise.all([post(cluster, 'restore', { snapshotId }), post(cluster, 'restore', { snapshotId })]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
    expect(answers.map(({ body }) => body.error?.code).sort()).toEqual(['OperationInProgress', undefined]);
    const { prisma } = api.database;
    expect(await prisma.snapshot.count({ where: { clusterId: cluster.id, kind: 'SAFETY' } })).toBe(1);
  });

  test('is previewed; the report is the result of the operation', async () => {
    const cluster = await api.newReadyCluster(owner);
    const { id: snapshotId } = await api.newSnapshot(cluster);
    const answer = await post(cluster, 'restore-preview', { snapshotId });
    const { id: operationId } = acceptedOperationSchema.parse(answer.body).operation;
    const token = { accessorId: 'a', description: 'made since', policies: ['read'] };
    const report = {
      ...{ snapshotId, vanishing: [token], revokedSince: [], comingBack: [], rootToken: 'KeepsWorking' },
      ...{ keys: 3, services: 1, intentions: 0, sentences: ['One token would stop working.'] },
    };
    const step = { operationId, name: 'recordRestorePreview', position: 1, attempts: 1, startedAt: new Date() };
    const { prisma } = api.database;
    await prisma.operationStep.create({ data: { ...step, state: 'Succeeded', output: report } });
    const path = `/v1/operations/${operationId}/result`;
    expect((await api.request(owner, 'GET', path)).status).toBe(202);
    await api.endOperations(cluster.id);
    expect(restorePreviewSchema.parse((await api.request(owner, 'GET', path)).body)).toEqual(report);
    await prisma.operation.update({ where: { id: operationId }, data: { state: 'Failed' } });
    expect((await api.request(owner, 'GET', path)).status).toBe(204);
  });
});

describe('a recovery of the quorum', () => {
  test('says where it takes its data from', async () => {
    const [one, other] = [await api.newReadyCluster(owner), await api.newReadyCluster(owner)];
    expect(await inputOf(await post(one, 'recover-quorum', { from: 'Survivors' }))).toEqual({ from: 'survivors' });
    const { id: snapshotId } = await api.newSnapshot(other);
    const answer = await post(other, 'recover-quorum', { from: 'Snapshot', snapshotId });
    expect(await inputOf(answer)).toEqual({ from: 'snapshot', snapshotId });
  });

  test('without a snapshot, or with one too much, is refused', async () => {
    const cluster = await api.newReadyCluster(owner);
    const { id: snapshotId } = await api.newSnapshot(cluster);
    for (const body of [{}, { from: 'Snapshot' }, { from: 'Survivors', snapshotId }, { from: 'Nowhere' }])
      expect(codeOf(await post(cluster, 'recover-quorum', body))).toEqual([400, 'InvalidRequest']);
    const foreign = { from: 'Snapshot', snapshotId: (await foreignSnapshot()).id };
    expect(codeOf(await post(cluster, 'recover-quorum', foreign))).toEqual([404, 'ResourceNotFound']);
  });
});

describe('a cluster made from a snapshot', () => {
  const facts = { name: 'hello', datacenter: 'dc-of-old', region: 'northeurope', servers: 1, vmSize: 'Standard_D4s_v3' };
  const specOf = (cluster: Cluster, restoreFromSnapshotId: string) => ({
    ...{ installationId: cluster.installationId, name: 'hello-again', email: 'ops@example.com' },
    ...{ networkCidr: '10.9.0.0/24', restoreFromSnapshotId },
  });
  const create = (body: object) => api.request(owner, 'POST', '/v1/clusters', { body });
  const preflight = async (body: object) => (await api.request(owner, 'POST', '/v1/preflight', { body })).body;

  test('is as the one before where nothing else is said, also when that is gone', async () => {
    const gone = await api.newReadyCluster(owner, { deletedAt: new Date() });
    const { id } = await api.newSnapshot(gone, { clusterFacts: facts });
    const spec = specOf(gone, id);
    expect(await preflight(spec)).toEqual({ acceptable: true, problems: [] });
    const answer = await create({ ...spec, vmSize: 'Standard_D2s_v3' });
    expect(answer.status).toBe(202);
    const { cluster, operation } = acceptedClusterSchema.parse(answer.body);
    const { datacenter, region, servers } = facts;
    expect(cluster).toMatchObject({ datacenter, region, servers, name: 'hello-again', vmSize: 'Standard_D2s_v3' });
    expect(operation.kind).toBe('clone-cluster');
  });

  test('cannot begin with a snapshot of another tenant, of another installation, or with one that is not whole', async () => {
    const cluster = await api.newReadyCluster(owner);
    const foreign = specOf(cluster, (await foreignSnapshot()).id);
    expect(codeOf(await create(foreign))).toEqual([404, 'ResourceNotFound']);
    expect((await preflight(foreign)).error?.code).toBe('ResourceNotFound');
    const elsewhere = specOf(cluster, (await api.newSnapshot(await api.newReadyCluster(owner))).id);
    expect((await create(elsewhere)).body.error?.details?.map(({ code }) => code)).toEqual(['SnapshotElsewhere']);
    const torn = specOf(cluster, (await api.newSnapshot(cluster, { state: 'FAILED' })).id);
    expect(codeOf(await create(torn))).toEqual([409, 'Conflict']);
    expect(await preflight(torn)).toMatchObject({ acceptable: false, problems: [{ code: 'SnapshotNotVerified' }] });
  });

  test('cannot run an older Consul than the snapshot, which is told with its other problems', async () => {
    const cluster = await api.newReadyCluster(owner);
    const snapshot = await api.newSnapshot(cluster, { consulVersion: '1.10.12' });
    const body = { ...specOf(cluster, snapshot.id), consulVersion: '1.8.7', servers: 2 };
    const answer = await create(body);
    const codes = answer.body.error?.details?.map(({ code }) => code).sort();
    expect([answer.status, codes]).toEqual([400, ['UnsupportedServerCount', 'VersionTooOld']]);
  });
});

describe('a rotation', () => {
  test.each([
    ['GossipKey', 'rotate-gossip-key'],
    ['ServerCertificates', 'rotate-server-certificates'],
    ['CertificateAuthority', 'rotate-certificate-authority'],
    ['AgentTokens', 'rotate-agent-tokens'],
    ['ConnectAuthority', 'rotate-connect-authority'],
  ])('of %s is an operation of its own and leaves the cluster Succeeded', async (what, kind) => {
    const cluster = await api.newReadyCluster(owner);
    const answer = await post(cluster, 'rotations', { what });
    expect([answer.status, acceptedOperationSchema.parse(answer.body).operation.kind]).toEqual([202, kind]);
    const { body } = await api.clientOf(owner).call('getCluster', { params: { id: cluster.id } });
    expect(body.provisioningState).toBe('Succeeded');
  });

  test('of something else, or beside another operation, is refused', async () => {
    const cluster = await api.newReadyCluster(owner);
    expect(codeOf(await post(cluster, 'rotations', { what: 'Servers' }))).toEqual([400, 'InvalidRequest']);
    const both = await Promise.all([
      post(cluster, 'rotations', { what: 'GossipKey' }),
      post(cluster, 'rotations', { what: 'AgentTokens' }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual([202, 409]);
  });
});
