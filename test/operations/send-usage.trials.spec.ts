import { randomUUID } from 'node:crypto';
import { OPERATION_KINDS, recordApplicationNews, USAGE_SUBJECT } from '@managed-consul/clusters';
import { hours, minutes, type Milliseconds } from '@managed-consul/config';
import type { Installation, Prisma, Transaction } from '@managed-consul/database';
import { requestOperation } from '@managed-consul/operations';
import { UsageSender } from '@managed-consul/schedules';
import { driveToEnd, everyStepTwice, killedAtEveryStep, until, type WorkflowTrial } from '@managed-consul/testing';
import { readOwedUsage } from '@managed-consul/usage-emission';
import { createWorkflowHost, type Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SAMPLE_REGION } from '../../infra/local/emulator-seed';
import { buyFromTheMarketplace, customersApplications, MARKETPLACE_PLAN } from '../support/bought-application';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

const METER = 'service-instances';
/** What the plan's price calls its first 50 instances. */
const DIMENSION = 'service_instance_hours_1';

describe('telling the Marketplace of usage', () => {
  let world: WorkflowWorld;
  let resourceId: string;
  let installationId: string;
  const hour = new Date(Math.floor(Date.now() / hours(1)) * hours(1));
  let closed = 0;

  /** Another hour in the ledger, each a little further in the past; so many instance seconds. */
  async function useForAnHour(quantity: number): Promise<Date> {
    closed += 1;
    const used = new Date(hour.getTime() - hours(21 - closed));
    const { id: priceId } = await world.database.prisma.planPrice.findFirstOrThrow({ where: { planId: MARKETPLACE_PLAN.name } });
    const about = { hour: used, clusterId: randomUUID(), installationId, meter: METER, planId: MARKETPLACE_PLAN.name, priceId };
    await world.database.prisma.usageRecord.create({ data: { ...about, seconds: 3600, quantity } });
    await world.database.prisma.usageHour.create({ data: { hour: used, closedAt: new Date(), records: 1 } });
    return used;
  }

  const request = async (): Promise<string> => {
    const wish = {
      kind: OPERATION_KINDS.sendUsage,
      subject: USAGE_SUBJECT,
      lane: 'Change',
      input: {},
      requestedBy: 'tests',
    } as const;
    return (await world.database.prisma.$transaction((tx) => requestOperation(tx, wish))).id;
  };

  const emissionOf = (used: Date) =>
    world.database.prisma.usageEmission.findFirstOrThrow({ where: { resourceId, dimension: DIMENSION, hour: used } });

  /** What Azure has taken in all. */
  async function takenByAzure(by = resourceId): Promise<{ quantity: number; events: number }> {
    const from = new Date(hour.getTime() - hours(24));
    const rows = await world.dependencies.azure.metering.report(from, new Date());
    const own = rows.filter((row) => row.resourceId === by);
    return {
      quantity: own.reduce((sum, row) => sum + Number(row.submittedQuantity), 0),
      events: own.reduce((sum, row) => sum + row.submittedCount, 0),
    };
  }

  beforeAll(async () => {
    world = await openWorkflowWorld();
    const bought = await buyFromTheMarketplace(world, 'metered');
    installationId = bought.id;
    resourceId = bought.billingResourceUsageId ?? '';
  });
  afterAll(() => world.stop());

  const sending = (): WorkflowTrial<Services> => {
    let used: Date;
    return {
      ...world,
      request: async () => {
        used = await useForAnHour(3600);
        return request();
      },
      verify: async () => {
        expect(await emissionOf(used)).toMatchObject({ state: 'Accepted', usageEventId: expect.any(String) });
        expect(await takenByAzure()).toEqual({ quantity: closed, events: closed });
      },
    };
  };

  it('tells of every hour once, every step carried out twice', () => everyStepTwice(sending()));

  it('does so when its worker dies before, in and after every step', async () => {
    const points = await killedAtEveryStep(sending());
    expect(points.map(({ name }) => name)).toContain('usageIsSent');
  });

  it('waits as long as Azure asks, and goes on', async () => {
    const used = await useForAnHour(3600);
    await world.addFault({
      path: '/api/batchUsageEvent',
      count: 1,
      effect: { kind: 'answer', status: 429, retryAfterSeconds: 1 },
    });
    const id = await request();
    const ended = await world.drive(id);
    expect(ended).toMatchObject({ state: 'Succeeded' });
    expect(await emissionOf(used)).toMatchObject({ state: 'Accepted', attempts: 2 });
    expect(await takenByAzure()).toEqual({ quantity: closed, events: closed });
  });

  it('is compared with what Azure says, every step twice, and its worker dead at each', async () => {
    const day = new Date(new Date(hour.getTime() - hours(72)).toISOString().slice(0, 10));
    // Of what the service believes to be taken Azure knows nothing.
    const event = {
      installationId,
      resourceId,
      dimension: DIMENSION,
      hour: day,
      planId: MARKETPLACE_PLAN.name,
      ledgerQuantity: 3600,
      quantity: 1,
    };
    const answer = { state: 'Accepted', acceptedQuantity: 1, nextTryAt: day, createdAt: day } as const;
    await world.database.prisma.usageEmission.create({ data: { ...event, ...answer } });
    const found = () => world.database.prisma.usageMismatch.findMany();
    const { database, dependencies, log } = world;
    const sender = new UsageSender({ database, bell: dependencies.bell, log });
    const comparing: WorkflowTrial<Services> = {
      ...world,
      request: async () => {
        await database.prisma.usageMismatch.deleteMany();
        // Six hours pass.
        await database.prisma.operation.updateMany({ data: { createdAt: day } });
        const asked = (await sender.look()).find(({ kind }) => kind === OPERATION_KINDS.compareUsage);
        expect((await sender.look()).map(({ kind }) => kind)).not.toContain(OPERATION_KINDS.compareUsage);
        return asked?.id ?? '';
      },
      verify: async () => expect(await found()).toMatchObject([{ day, resourceId, reconStatus: 'Missing' }]),
    };
    await everyStepTwice(comparing);
    await killedAtEveryStep(comparing);
    expect(await sender.look(), 'once in six hours').toEqual([]);
  });

  describe('of an application that is deleted', () => {
    /** A cluster that ran in it for 15 minutes, until five minutes ago. */
    async function useCluster({ id: place, planId }: Installation): Promise<void> {
      const now = Date.now();
      const change = async (minutesAgo: number, act: (tx: Transaction) => Promise<unknown>): Promise<void> => {
        const time = new Date(now - minutes(minutesAgo)).toISOString();
        await world.database.prisma.$transaction(async (tx) => {
          await tx.$queryRaw`SELECT set_config('managed_consul.usage_time', ${time}, true)`;
          await act(tx);
        });
      };
      const id = randomUUID();
      const data = {
        ...{ id, installationId: place, name: 'short', provisioningState: 'Succeeded' as const, datacenter: 'dc1' },
        ...{
          region: SAMPLE_REGION,
          consulVersion: '1.8.7',
          servers: 1,
          vmSize: 'Standard_D2s_v3',
          planId,
          networkCidr: '10.9.0.0/24',
        },
        email: 'team@example.com',
      } satisfies Prisma.ClusterUncheckedCreateInput;
      await change(20, (tx) => tx.cluster.create({ data }));
      await change(5, (tx) =>
        tx.cluster.update({ where: { id }, data: { provisioningState: 'Deleted', deletedAt: new Date() } }),
      );
    }

    /** An application with usage that Azure has begun to delete; Azure goes on when `isSent` says so, or the removal has ended. */
    async function deletedApplication(isSent: (billingId: string, operationId: string) => Promise<boolean>) {
      const name = `going-${randomUUID().slice(0, 8)}`;
      const installation = await buyFromTheMarketplace(world, name);
      await useCluster(installation);
      const path = `applications/${name}$`;
      const stuck = await world.addFault({ method: 'DELETE', path, effect: { kind: 'stuckOperation' } });
      await customersApplications(world).applications.beginDelete(world.world.identities.customer.resourceGroup, name);
      const applicationId = installation.applicationId ?? '';
      const news = {
        applicationId,
        eventType: 'DELETE',
        provisioningState: 'Deleting',
        eventTime: new Date(),
        body: {},
      } as const;
      const subject = await world.database.prisma.$transaction((tx) =>
        recordApplicationNews(tx, { ...news, correlationId: randomUUID() }),
      );
      const where = { subject: subject ?? '' };
      const { id } = await world.database.prisma.operation.findFirstOrThrow({ where, orderBy: { createdAt: 'desc' } });
      const released = until(() => isSent(installation.billingResourceUsageId ?? '', id), {
        within: minutes(2),
        because: 'the last usage was dealt with',
      }).finally(() => world.endFault(stuck));
      return { id, installation, released };
    }

    const isTaken = async (billingId: string): Promise<boolean> => {
      const { prisma } = world.database;
      const events = await prisma.usageEmission.findMany({ where: { resourceId: billingId } });
      return events.length > 0 && events.every(({ state }) => state === 'Accepted');
    };

    const removal = (): WorkflowTrial<Services> => {
      let asked: Awaited<ReturnType<typeof deletedApplication>>;
      return {
        ...world,
        request: async () => {
          asked = await deletedApplication(isTaken);
          return asked.id;
        },
        verify: async () => {
          await asked.released;
          const { id, billingResourceUsageId } = asked.installation;
          expect((await takenByAzure(billingResourceUsageId ?? '')).quantity).toBe(0.25);
          const { state } = await world.database.prisma.installation.findUniqueOrThrow({ where: { id } });
          expect(state).toBe('Deleted');
        },
      };
    };

    it('is sent before that is gone, the running hour too, every step carried out twice', () => everyStepTwice(removal()));

    it('is sent once when the worker dies before, in and after every step', async () => {
      const points = await killedAtEveryStep(removal());
      expect(points.map(({ name }) => name)).toContain('lastUsageIsSent');
    });

    it('holds the removal up for ten minutes while Azure takes nothing, and stays owed', async () => {
      const fault = await world.addFault({ path: '/api/batchUsageEvent', effect: { kind: 'answer', status: 503 } });
      let ahead = 0;
      const clock = { now: () => new Date(Date.now() + ahead) };
      // The first wait takes ten minutes at once, those after it are for Azure and take as long as they do.
      const pass = async (length: Milliseconds): Promise<void> => {
        if (ahead > 0) return world.time.pass(length);
        ahead = minutes(11);
      };
      const host = createWorkflowHost(world.dependencies, { clock, log: world.log });
      const { prisma } = world.database;
      const isGivenUp = async (operationId: string): Promise<boolean> =>
        (await prisma.operationStep.count({ where: { operationId, name: 'lastUsageIsSent', state: 'Succeeded' } })) > 0;
      const asked = await deletedApplication((_billingId, operationId) => isGivenUp(operationId));
      const ended = await driveToEnd({ ...world, host, time: { ...world.time, clock, pass, patience: hours(1) } }, asked.id);
      expect(ended.state).toBe('Succeeded');
      await asked.released;
      await world.endFault(fault);
      const left = await prisma.usageEmission.findMany({ where: { installationId: asked.installation.id } });
      expect(left.map(({ state }) => state)).toContain('Pending');
      expect((await readOwedUsage(world.database, new Date())).map(({ dimension }) => dimension)).toContain(left[0]?.dimension);
    });
  });
});
