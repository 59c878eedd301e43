import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hcsOperations } from '@managed-consul/api-contract';
import { hours, minutes, seconds } from '@managed-consul/config';
import { until } from '@managed-consul/testing';
import { closeHour } from '@managed-consul/usage';
import { NOTIFICATION_SECRET, startApi, type ApiUnderTest } from '../testing/api-under-test';
import { addressOf, callHcs, newHcsPlace, type HcsOperationName, type HcsPlace } from '../testing/hcs-api-under-test';
import { fieldsIn, fieldsOf } from '../testing/hcs-fields';

/** Why a field is in no answer, by operation and field; everything else has to be answered. */
const LEFT_OUT: readonly [RegExp, string][] = [
  [/^(Update|Delete|Create|Restore)\w+ operation\.(error|response)/, 'told by `operation` once it has ended'],
  [/properties\.federationToken$/, 'of a secondary: names its primary, and opens nothing'],
  [/properties\.auditLogStorageContainerURL$/, 'audit logs are a feature of Consul Enterprise'],
];
/** What a cluster that has just been asked for does not have yet. */
const NOT_AT_FIRST =
  /^CreateCluster properties\.(storage|blob|managedIdentity|vnetName|consulConfigFile|consulCaFile|consul\w+EndpointUrl)/;

let api: ApiUnderTest;
let place: HcsPlace;

beforeAll(async () => {
  api = await startApi();
  const programs = ['1.8.7', '1.8.19'].map((version) => ({
    version,
    platform: 'linux-amd64',
    sha256: '0'.repeat(64),
    sizeBytes: 1,
  }));
  await api.database.prisma.consulArtifact.createMany({ data: programs, skipDuplicates: true });
  place = await newHcsPlace(api);
});
afterAll(() => api.stop());

const endAll = () => api.endOperations(place.cluster.id);

/** Federates the cluster with another of the same owner. */
async function federate(): Promise<void> {
  const { id } = await api.newReadyCluster(place.owner, { datacenter: 'dc2' });
  const primaryClusterId = place.cluster.id;
  await api.database.prisma.federationMember.createMany({
    data: [place.cluster.id, id].map((clusterId, index) => ({ clusterId, primaryClusterId, datacenter: `dc${index + 1}` })),
  });
}

async function ask(name: HcsOperationName, body: object = {}): Promise<unknown> {
  const answer = await callHcs(api, place, name, hcsOperations[name].method === 'POST' ? { body } : {});
  expect([name, answer.status, answer.text]).toEqual([name, 200, answer.text]);
  return hcsOperations[name].answer.parse(answer.body);
}

/** The token is answered once its operation has ended, which here is at once. */
async function askForToken(): Promise<unknown> {
  const asked = ask('CreateToken');
  const where = { clusterId: place.cluster.id, kind: 'create-root-token' } as const;
  await until(() => api.database.prisma.operation.findFirst({ where }), { within: seconds(30) });
  const { id } = await api.database.prisma.operation.findFirstOrThrow({ where });
  const data = { state: 'Succeeded', finishedAt: new Date(), revision: { increment: 1 } } as const;
  await api.database.prisma.operation.update({ where: { id }, data });
  await api.database.pool.query("SELECT pg_notify('operation_changed', $1)", [id]);
  return asked;
}

async function createAnother(): Promise<unknown> {
  const installation = await api.database.prisma.installation.create({
    data: {
      ...{ kind: 'ManagedApplication', state: 'Ready', tenantId: place.owner.tenantId, subscriptionId: randomUUID() },
      ...{ resourceGroup: 'managed', region: 'westeurope', planId: 'on-demand', applicationId: `/application/${randomUUID()}` },
      roleAssignments: { create: { tenantId: place.owner.tenantId, principalId: place.owner.objectId, role: 'Owner' } },
    },
  });
  const properties = { email: 'ops@example.com', sourceChannel: 'terraform-provider-hcs' };
  const answer = await callHcs(api, { ...place, installation }, 'CreateCluster', { body: { properties } });
  return hcsOperations.CreateCluster.answer.parse(answer.body);
}

/** Long before the cluster of these tests was made: an hour in which nothing else of it is in the ledger. */
const USED = new Date('2026-05-20T10:00:00Z');

/** Half an hour of the cluster is in the ledger, by a plan with all that plans may have. */
async function useSomething(): Promise<void> {
  const { id: clusterId, installationId } = place.cluster;
  const plan = { planId: 'on-demand-v2', servers: 3, vmSize: 'Standard_D2s_v5' };
  await api.database.prisma.cluster.update({ where: { id: clusterId }, data: plan });
  const time = { startsAt: USED, endsAt: new Date(USED.getTime() + minutes(30)) };
  await api.database.prisma.usagePeriod.create({ data: { ...plan, ...time, clusterId, installationId, charged: true } });
  await api.database.prisma.serviceInstancePeak.create({ data: { clusterId, hour: USED, instances: 100, last: 100 } });
  await closeHour(api.database, USED, new Date());
}

/** Does something as if the hour in which the cluster was used had just ended. */
async function soonAfterUse<Result>(work: () => Promise<Result>): Promise<Result> {
  const { clock } = api.services;
  api.services.clock = { now: () => new Date(USED.getTime() + hours(2)) };
  try {
    return await work();
  } finally {
    api.services.clock = clock;
  }
}

/** Asks for every operation, in states that give each of its fields a value. */
async function collectAnswers(): Promise<Record<HcsOperationName, unknown[]>> {
  const { prisma } = api.database;
  const { cluster, installation } = place;
  await useSomething();
  const create = { clusterId: cluster.id, kind: 'create-cluster' };
  await prisma.operation.updateMany({ where: create, data: { input: { sourceChannel: 'hcs-cli' } } });
  const verified = { sizeBytes: 9_007_199_254_740_993n, verifiedAt: new Date() };
  const { id: snapshotId } = await api.newSnapshot(cluster, verified);
  const ended = { startedAt: new Date(), finishedAt: new Date(), clusterId: cluster.id, installationId: installation.id };
  const work = { ...ended, subject: `cluster/${cluster.id}`, kind: 'restore-cluster', requestedBy: 'tests', wakeAt: null };
  const restore = await prisma.operation.create({ data: { ...work, state: 'Succeeded', input: { snapshotId } } });
  const failure = { state: 'Failed', errorCode: 'StorageUnreachable', errorMessage: 'Storage could not be reached.' } as const;
  const failed = await prisma.operation.create({ data: { ...work, ...failure, input: { snapshotId } } });
  const notification = {
    ...{ eventType: 'PUT', provisioningState: 'Accepted', eventTime: new Date().toISOString() },
    applicationId: `${installation.applicationId ?? ''}-other`,
  };
  const news = await api.request(undefined, 'POST', `${addressOf('ResourceNotification', place)}?sig=${NOTIFICATION_SECRET}`, {
    body: notification,
  });
  expect(news.status).toBe(200);
  const answers: Partial<Record<HcsOperationName, unknown[]>> = {
    ResourceNotification: [hcsOperations.ResourceNotification.answer.parse(news.body)],
    ListClusters: [await ask('ListClusters')],
    GetCluster: [await ask('GetCluster')],
    CreateCluster: [await createAnother()],
    GetOperation: [await ask('GetOperation', { operationId: restore.id }), await ask('GetOperation', { operationId: failed.id })],
    ListConsulUpgradeVersions: [await ask('ListConsulUpgradeVersions')],
    GetSnapshot: [await ask('GetSnapshot', { snapshotId })],
    ListSnapshots: [await ask('ListSnapshots')],
    RenameSnapshot: [await ask('RenameSnapshot', { snapshotId, name: 'renamed' })],
    CreateToken: [await askForToken()],
    GetConfig: [await ask('GetConfig')],
    ...(await soonAfterUse(async () => ({
      GetBillingInfo: [await ask('GetBillingInfo')],
      GetBillingReport: [await ask('GetBillingReport', { month: USED.toISOString().slice(0, 7).replace('-', '/') })],
    }))),
  };
  answers.CreateSnapshot = [await ask('CreateSnapshot')];
  await endAll();
  answers.RestoreSnapshot = [await ask('RestoreSnapshot', { snapshotId, takeSnapshot: 'FALSE' })];
  await endAll();
  await prisma.cluster.update({ where: { id: cluster.id }, data: { provisioningState: 'Succeeded' } });
  answers.UpdateCluster = [await ask('UpdateCluster', { update: { consulVersion: '1.8.19' } })];
  await endAll();
  await prisma.cluster.update({ where: { id: cluster.id }, data: { provisioningState: 'Succeeded' } });
  answers.CreateFederationToken = [await ask('CreateFederationToken')];
  await endAll();
  answers.DeleteSnapshot = [await ask('DeleteSnapshot', { snapshotId })];
  await prisma.federationMember.deleteMany({ where: { clusterId: cluster.id } });
  await federate();
  answers.GetFederation = [await ask('GetFederation')];
  await prisma.federationMember.deleteMany({ where: { primaryClusterId: cluster.id } });
  answers.DeleteCluster = [await ask('DeleteCluster')];
  return answers as Record<HcsOperationName, unknown[]>;
}

const reasonFor = (name: string, field: string): string | undefined =>
  NOT_AT_FIRST.test(`${name} ${field}`)
    ? 'told once the cluster has been made'
    : LEFT_OUT.find(([pattern]) => pattern.test(`${name} ${field}`))?.[1];

test('every field of every operation is answered, or left out for a reason that the report says', async () => {
  const answers = await collectAnswers();
  const lines: string[] = [];
  const missing: string[] = [];
  for (const [name, { answer, method, path }] of Object.entries(hcsOperations)) {
    const given = new Set(answers[name as HcsOperationName].flatMap((each) => fieldsIn(each)));
    const shortened = path.replace(/^.*\/public\//, '');
    lines.push(`## ${name}`, '', `\`${method} ${shortened}\``, '');
    const fields = fieldsOf(answer);
    if (fields.length === 0) lines.push('An empty object.', '');
    for (const field of fields) {
      const reason = given.has(field) ? 'answered' : reasonFor(name, field);
      if (reason === undefined) missing.push(`${name} ${field}`);
      else lines.push(`- \`${field}\`: ${reason}`);
    }
    if (fields.length > 0) lines.push('');
  }
  expect(missing).toEqual([]);
  const head = '# Fields of the HCS API\n\nWhat each operation answers. A test writes this, from the answers of the service.\n\n';
  await expect(`${head}${lines.join('\n').trimEnd()}\n`).toMatchFileSnapshot('../../../../docs/hcs-api-fields.md');
});
