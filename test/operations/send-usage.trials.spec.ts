import { randomUUID } from 'node:crypto';
import { ApplicationClient } from '@azure/arm-managedapplications';
import { ClientSecretCredential } from '@azure/identity';
import { OPERATION_KINDS, USAGE_SUBJECT } from '@managed-consul/clusters';
import { hours } from '@managed-consul/config';
import { requestOperation } from '@managed-consul/operations';
import { everyStepTwice, killedAtEveryStep, type WorkflowTrial } from '@managed-consul/testing';
import type { Services } from '@managed-consul/workflows';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { azureUrl } from '../../infra/local/components';
import { SAMPLE_REGION } from '../../infra/local/emulator-seed';
import { openWorkflowWorld, type WorkflowWorld } from '../support/workflow-world';

const PLAN = { publisher: 'hashicorp-4665790', product: 'hcs-production', name: 'on-demand-v2', version: '0.0.76' };
const METER = 'service-instances';

describe('telling the Marketplace of usage', () => {
  let world: WorkflowWorld;
  let resourceId: string;
  let installationId: string;
  const hour = new Date(Math.floor(Date.now() / hours(1)) * hours(1));
  let closed = 0;

  /** An application that was bought from the Marketplace, and its row. The cluster in it is not needed. */
  async function buyFromTheMarketplace(): Promise<void> {
    const { customer } = world.world.identities;
    const endpoint = azureUrl(world.world);
    const credential = new ClientSecretCredential(customer.tenantId, customer.clientId, customer.clientSecret, {
      authorityHost: endpoint,
      disableInstanceDiscovery: true,
    });
    const options = { endpoint, $host: endpoint, credentialScopes: [`${endpoint}/.default`] };
    const client = new ApplicationClient(credential, customer.subscriptionId, options);
    const values = {
      ...{ clusterName: 'metered', clusterMode: 'DEVELOPMENT', consulDataCenter: 'dc1' },
      ...{ consulVnetCidr: '172.25.16.0/24', email: 'team@example.com' },
    };
    const managedResourceGroupId = `/subscriptions/${customer.subscriptionId}/resourceGroups/metered-managed`;
    const made = await client.applications.beginCreateOrUpdateAndWait(
      customer.resourceGroup,
      'metered',
      {
        location: SAMPLE_REGION,
        kind: 'MarketPlace',
        plan: PLAN,
        managedResourceGroupId,
        parameters: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }])),
      },
      { updateIntervalInMs: 200 },
    );
    resourceId = made.billingDetails?.resourceUsageId ?? '';
    const installation = await world.database.prisma.installation.create({
      data: {
        ...{ kind: 'ManagedApplication', state: 'Ready', tenantId: customer.tenantId, subscriptionId: customer.subscriptionId },
        ...{ resourceGroup: 'metered-managed', region: SAMPLE_REGION, planId: PLAN.name },
        ...{ applicationId: made.id?.toLowerCase() ?? '', billingResourceUsageId: resourceId },
      },
    });
    installationId = installation.id;
  }

  /** Another hour in the ledger, each a little further in the past; so many instance seconds. */
  async function useForAnHour(quantity: number): Promise<Date> {
    closed += 1;
    const used = new Date(hour.getTime() - hours(21 - closed));
    const about = { hour: used, clusterId: randomUUID(), installationId, meter: METER, planId: PLAN.name };
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
    world.database.prisma.usageEmission.findFirstOrThrow({ where: { resourceId, dimension: METER, hour: used } });

  /** What Azure has taken in all. */
  async function takenByAzure(): Promise<{ quantity: number; events: number }> {
    const from = new Date(hour.getTime() - hours(24));
    const rows = await world.dependencies.azure.metering.report(from, new Date());
    const own = rows.filter((row) => row.resourceId === resourceId);
    return {
      quantity: own.reduce((sum, row) => sum + Number(row.submittedQuantity), 0),
      events: own.reduce((sum, row) => sum + row.submittedCount, 0),
    };
  }

  beforeAll(async () => {
    world = await openWorkflowWorld();
    await buyFromTheMarketplace();
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
});
