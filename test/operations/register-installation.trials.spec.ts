import { randomUUID } from 'node:crypto';
import { INSTALLATION_TAG, OWNER_TAG } from '@managed-consul/azure';
import { recordApplicationNews, requestRegisterInstallation } from '@managed-consul/clusters';
import { everyStepTwice, killedAtEveryStep, until, type WorkflowTrial } from '@managed-consul/testing';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SAMPLE_REGION } from '../../infra/local/emulator-seed';
import { customersAzure } from '../support/customers-azure';
import { SPARE_GROUPS } from '../support/local-cloud';
import { verifyDeletedCluster, verifyReadyCluster } from '../support/workflow-verification';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

let world: WorkflowWorld;
let azure: ReturnType<typeof customersAzure>;

beforeAll(async () => {
  world = await openWorkflowWorld();
  azure = customersAzure(world.world);
});
afterAll(() => world.stop());

const newName = (): string => `place-${randomUUID().slice(0, 6)}`;

const findOperation = (id: string) => world.database.prisma.operation.findUniqueOrThrow({ where: { id } });

describe('registering a managed application', () => {
  const parameters = {
    clusterMode: 'DEVELOPMENT',
    consulDataCenter: 'dc1',
    consulVnetCidr: '172.25.16.0/24',
    email: 'team@example.com',
  };
  const buy = (name: string) => azure.buyApplication(name, { clusterName: name, ...parameters });

  /** What the api stores when Azure posts news; gives the operation that they call for. */
  async function hear(applicationId: string, eventType: 'PUT' | 'DELETE', provisioningState: string): Promise<string> {
    const news = { applicationId, eventType, provisioningState, eventTime: new Date(), body: {}, correlationId: randomUUID() };
    const subject = await world.database.prisma.$transaction((tx) => recordApplicationNews(tx, news));
    const open = await world.database.prisma.operation.findFirstOrThrow({
      where: { subject: subject ?? '' },
      orderBy: { createdAt: 'desc' },
    });
    return open.id;
  }

  const installationOf = async (operationId: string) => {
    const { applicationId } = (await findOperation(operationId)).input as { applicationId: string };
    return world.database.prisma.installation.findUniqueOrThrow({
      where: { applicationId },
      include: { clusters: true, roleAssignments: true },
    });
  };

  const registration = (): WorkflowTrial<Services> => ({
    ...world,
    request: async () => hear(await buy(newName()), 'PUT', 'Succeeded'),
    verify: async (operationId) => {
      const { clusters, roleAssignments, ...installation } = await installationOf(operationId);
      const { tenantId, objectId } = world.requester;
      expect(installation).toMatchObject({ kind: 'ManagedApplication', state: 'Ready', tenantId, failureMessage: null });
      expect(roleAssignments.map(({ principalId, role }) => ({ principalId, role }))).toEqual(
        expect.arrayContaining([
          { principalId: objectId, role: 'Owner' },
          { principalId: `custom-provider/${installation.id}`, role: 'Contributor' },
        ]),
      );
      expect(installation.frontDoorSecretHash).toMatch(/^[0-9a-f]{64}$/);
      expect(clusters).toMatchObject([{ servers: 1, datacenter: 'dc1', provisioningState: 'Accepted' }]);
      expect(await world.database.prisma.operation.count({ where: { clusterId: clusters[0]?.id ?? '' } })).toBe(1);
    },
  });

  it('records one installation and one cluster, every step carried out twice', () => everyStepTwice(registration()));

  it('does so when its worker dies before, in and after every step', async () => {
    const points = await killedAtEveryStep(registration());
    expect(points.map(({ name }) => name)).toContain('requestFirstCluster');
  });

  it('leads to a cluster that the end of the application takes away, and asks for no second one when news come again', async () => {
    const name = newName();
    const applicationId = await buy(name);
    const first = await hear(applicationId, 'PUT', 'Succeeded');
    expect((await world.drive(first)).state).toBe('Succeeded');
    const [cluster] = (await installationOf(first)).clusters;
    const create = await world.database.prisma.operation.findFirstOrThrow({ where: { clusterId: cluster?.id ?? '' } });
    expect((await world.drive(create.id)).state).toBe('Succeeded');
    await verifyReadyCluster(world, cluster?.id ?? '');

    expect((await world.drive(await hear(applicationId, 'PUT', 'Succeeded'))).state).toBe('Succeeded');
    expect((await installationOf(first)).clusters).toHaveLength(1);

    await azure.deleteApplication(name);
    const removal = world.drive(await hear(applicationId, 'DELETE', 'Deleted'));
    const deletion = await until(
      () => world.database.prisma.operation.findFirst({ where: { kind: 'delete-cluster', clusterId: cluster?.id ?? '' } }),
      { within: 30_000, because: 'the delete of the cluster was asked for' },
    );
    expect((await world.drive(deletion.id)).state).toBe('Succeeded');
    expect((await removal).state).toBe('Succeeded');
    await verifyDeletedCluster(world, cluster?.id ?? '');
    expect(await installationOf(first)).toMatchObject({ state: 'Deleted', roleAssignments: [] });
  });

  it('removes nothing when news say that an application is deleted which Azure still has', async () => {
    const applicationId = await buy(newName());
    const registered = await hear(applicationId, 'PUT', 'Succeeded');
    expect((await world.drive(registered)).state).toBe('Succeeded');
    const removal = await world.drive(await hear(applicationId, 'DELETE', 'Deleted'));
    expect(removal).toMatchObject({ state: 'Failed', errorCode: 'ApplicationNotDeleted' });
    expect((await installationOf(registered)).clusters).toMatchObject([{ provisioningState: 'Accepted' }]);
  });

  it('ends with a place that nobody has a role on, every step of its removal twice, and its worker dead at each', async () => {
    const removal: WorkflowTrial<Services> = {
      ...world,
      request: async () => {
        const name = newName();
        // Refused parameters: a place without a cluster, whose removal waits for nothing.
        const applicationId = await azure.buyApplication(name, {
          clusterName: name,
          ...parameters,
          consulVnetCidr: '8.8.8.0/24',
        });
        await world.drive(await hear(applicationId, 'PUT', 'Succeeded'));
        await azure.deleteApplication(name);
        return hear(applicationId, 'DELETE', 'Deleted');
      },
      verify: async (operationId) => {
        expect(await installationOf(operationId)).toMatchObject({ state: 'Deleted', roleAssignments: [], clusters: [] });
      },
    };
    await everyStepTwice(removal);
    const points = await killedAtEveryStep(removal);
    expect(points.map(({ name }) => name)).toContain('recordRemovedInstallation');
  });

  it('cannot be kept from its group by who asked for it first, nor by what was deleted there', async () => {
    const name = newName();
    const applicationId = await buy(name);
    const { subscriptionId } = world.world.identities.customer;
    const place = { subscriptionId, region: SAMPLE_REGION };
    const { prisma } = world.database;
    const past = { ...place, kind: 'ManagedApplication', state: 'Deleted', tenantId: randomUUID(), planId: 'on-demand' } as const;
    await prisma.installation.create({ data: { ...past, resourceGroup: `${name}-managed` } });
    const requester = { tenantId: randomUUID(), objectId: randomUUID(), groupIds: [], correlationId: randomUUID() };
    const wish = { requester, ...place, resourceGroup: `${name}-MANAGED` };
    const stranger = await prisma.$transaction((tx) => requestRegisterInstallation(tx, wish));

    const registered = await hear(applicationId, 'PUT', 'Succeeded');
    expect(await world.drive(registered)).toMatchObject({ state: 'Succeeded', errorCode: null });
    expect(await installationOf(registered)).toMatchObject({ state: 'Ready', clusters: [{ provisioningState: 'Accepted' }] });
    const readStranger = () => prisma.installation.findUniqueOrThrow({ where: { id: stranger.installation.id } });
    expect(await readStranger()).toMatchObject({ state: 'Failed' });
    expect((await world.drive(stranger.operation.id)).state).toBe('Failed');
    expect(await readStranger()).toMatchObject({ state: 'Failed' });
    await expect(prisma.$transaction((tx) => requestRegisterInstallation(tx, wish))).rejects.toMatchObject({ code: 'Conflict' });
  });

  it('takes no place of a tenant on the deny list, and no cluster beyond its quota', async () => {
    const { prisma } = world.database;
    const { tenantId } = world.requester;
    const why = { contact: 'abuse@example.com', reason: 'It mines.', ticket: 'OPS-1', actorId: 'lead' };
    await prisma.deniedTenant.create({ data: { tenantId, ...why } });
    const applicationId = await buy(newName());
    const refused = await world.drive(await hear(applicationId, 'PUT', 'Succeeded'));
    await prisma.deniedTenant.delete({ where: { tenantId } });
    expect(refused).toMatchObject({ state: 'Failed', errorCode: 'TenantDenied' });
    expect(await prisma.installation.count({ where: { applicationId: applicationId.toLowerCase() } })).toBe(0);

    await prisma.tenant.create({ data: { tenantId, maxClusters: 0 } });
    const registered = await hear(applicationId, 'PUT', 'Succeeded');
    const full = await world.drive(registered);
    await prisma.tenant.delete({ where: { tenantId } });
    expect(full).toMatchObject({ state: 'Failed', errorCode: 'QuotaExceeded' });
    expect(await installationOf(registered)).toMatchObject({ state: 'Ready', failureMessage: full.errorMessage, clusters: [] });
  });

  it('says what is wrong with the parameters, and keeps the place usable', async () => {
    const name = newName();
    const applicationId = await azure.buyApplication(name, { clusterName: name, ...parameters, consulVnetCidr: '8.8.8.0/24' });
    const registered = await hear(applicationId, 'PUT', 'Succeeded');
    const ended = await world.drive(registered);
    expect(ended).toMatchObject({ state: 'Failed', errorCode: 'InvalidRequest' });
    expect(ended.errorMessage).toContain('10.0.0.0/8');
    expect(await installationOf(registered)).toMatchObject({ state: 'Ready', failureMessage: ended.errorMessage, clusters: [] });
  });
});

describe('registering a resource group', () => {
  async function register(resourceGroup: string): Promise<string> {
    const { subscriptionId } = world.world.identities.customer;
    const wish = { requester: world.requester, subscriptionId, resourceGroup, region: SAMPLE_REGION };
    return (await world.database.prisma.$transaction((tx) => requestRegisterInstallation(tx, wish))).operation.id;
  }

  const own = (): Record<string, string> => ({ [OWNER_TAG]: world.requester.objectId });

  const spare = [...SPARE_GROUPS];
  const takeSpare = (): string => spare.shift() ?? '';

  it('ends the same when every step is carried out twice, and when its worker dies at each', async () => {
    const trial: WorkflowTrial<Services> = {
      ...world,
      request: async () => {
        const name = takeSpare();
        await azure.tagGroup(name, own());
        return register(name);
      },
      verify: async (operationId) => {
        const { installationId } = await findOperation(operationId);
        const installation = await world.database.prisma.installation.findUniqueOrThrow({ where: { id: installationId ?? '' } });
        expect(installation).toMatchObject({ state: 'Ready', failureMessage: null });
      },
    };
    await everyStepTwice(trial);
    await killedAtEveryStep(trial);
  });

  it.each([
    ['that does not carry its owner’s tag', 'OwnershipNotProved', takeSpare, () => ({})],
    ['that carries another’s', 'OwnershipNotProved', takeSpare, () => ({ [OWNER_TAG]: randomUUID() })],
    ['of another installation', 'ResourceGroupTaken', takeSpare, () => ({ ...own(), [INSTALLATION_TAG]: randomUUID() })],
    ['that the service has no role on', 'AuthorizationFailed', newName, own],
  ])('refuses a group %s', async (_what, code, nameGroup, tags) => {
    const name = nameGroup();
    await azure.tagGroup(name, tags());
    const ended = await world.drive(await register(name));
    expect(ended).toMatchObject({ state: 'Failed', errorCode: code });
    const { installationId } = await findOperation(ended.id);
    const installation = await world.database.prisma.installation.findUniqueOrThrow({ where: { id: installationId ?? '' } });
    expect(installation).toMatchObject({ state: 'Failed', failureMessage: ended.errorMessage });
  });
});
