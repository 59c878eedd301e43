import { ApplicationClient } from '@azure/arm-managedapplications';
import { hours } from '@managed-consul/config';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { deploymentsProvider } from '../deployments/deployments.provider';
import { sample, sampleSeed, startTestEmulator, type SamplePrincipal, type TestEmulator } from '../emulator.builder';
import { managedApplicationsProvider } from '../managed-applications/managed-applications.provider';
import { aTemplate } from '../template-language/template.builders';

const METERING = '20e940b3-4c77-4b0b-9a53-9e16a1b010a7';
const PUBLISHER_SUBSCRIPTION = '22222222-0000-4000-8000-000000000003';
const PLAN = { publisher: 'managed-consul', product: 'consul', name: 'on-demand', version: '1.0.0' };
const APPLICATIONS = `/subscriptions/${sample.subscriptionId}/resourceGroups/sample/providers/Microsoft.Solutions/applications`;

const seed = {
  ...sampleSeed,
  subscriptions: [
    ...(sampleSeed.subscriptions ?? []),
    {
      subscriptionId: PUBLISHER_SUBSCRIPTION,
      tenantId: sample.publisherTenantId,
      displayName: 'Publisher',
      regions: ['westeurope'],
    },
  ],
  resourceGroups: [
    ...(sampleSeed.resourceGroups ?? []),
    { subscriptionId: PUBLISHER_SUBSCRIPTION, name: 'offers', location: 'westeurope' },
  ],
  applicationDefinitions: [
    {
      id: `/subscriptions/${PUBLISHER_SUBSCRIPTION}/resourceGroups/offers/providers/Microsoft.Solutions/applicationDefinitions/consul`,
      location: 'westeurope',
      properties: { lockLevel: 'None', mainTemplate: aTemplate({ resources: [] }) },
      plan: PLAN,
      dimensions: ['cluster-hours', 'instances'],
    },
  ],
};

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown> & { readonly result: Record<string, unknown>[] };
}

describe('the Marketplace metering service', () => {
  let emulator: TestEmulator;
  let resourceId: string;
  let hour = 0;

  const tokenOf = async (principal: SamplePrincipal, tenantId: string, audience = METERING): Promise<string> =>
    (await emulator.credential(principal, tenantId).getToken(`${audience}/.default`)).token;

  const call = async (
    method: string,
    path: string,
    {
      body,
      token,
      version = '2018-08-31',
      query = '',
    }: { body?: unknown; token?: string; version?: string; query?: string } = {},
  ): Promise<Reply> => {
    const bearer = token ?? (await tokenOf(sample.publisher, sample.publisherTenantId));
    const answer = await fetch(`${emulator.endpoint}/api/${path}?api-version=${version}${query}`, {
      method,
      headers: {
        ...(bearer === '' ? {} : { authorization: `Bearer ${bearer}` }),
        'content-type': 'application/json',
        'x-ms-requestid': 'request-1',
        'x-ms-correlationid': 'correlation-1',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Reply['body'] };
  };

  const send = (...request: unknown[]) => call('POST', 'batchUsageEvent', { body: { request } });

  const control = (method: string, path: string, body?: unknown) =>
    fetch(`${emulator.endpoint}/_emulator/${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });

  /** Usage of an hour that no other test reports. */
  const usage = (more: Record<string, unknown> = {}) => {
    hour += 1;
    const start = new Date(emulator.clock.now().getTime() - hours(hour % 23)).toISOString();
    return { resourceId, quantity: 1.5, dimension: 'cluster-hours', effectiveStartTime: start, planId: PLAN.name, ...more };
  };

  const order = async (name: string): Promise<string> => {
    const client = new ApplicationClient(emulator.credential(sample.owner, sample.tenantId), sample.subscriptionId, {
      $host: emulator.endpoint,
      endpoint: emulator.endpoint,
    });
    const made = await client.applications.beginCreateOrUpdateAndWait('sample', name, {
      location: 'westeurope',
      kind: 'MarketPlace',
      plan: PLAN,
      managedResourceGroupId: `/subscriptions/${sample.subscriptionId}/resourceGroups/${name}-managed`,
    });
    return made.billingDetails?.resourceUsageId ?? '';
  };

  beforeAll(async () => {
    emulator = await startTestEmulator({
      seed,
      providers: [deploymentsProvider, managedApplicationsProvider],
      environment: { EMULATOR_RETRY_AFTER_SECONDS: '0', EMULATOR_METERING_CALLS_PER_SECOND: '1000' },
    });
    resourceId = await order('metered');
  });
  afterEach(async () => {
    await control('DELETE', 'metering');
    await control('DELETE', 'faults');
  });
  afterAll(() => emulator.dispose());

  it('takes one event and says so, with the ids of the request', async () => {
    const event = usage();
    const { status, headers, body } = await call('POST', 'usageEvent', { body: event });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { ...event, status: 'Accepted', usageEventId: expect.any(String), messageTime: expect.stringMatching(/^20/) },
    });
    expect([headers.get('x-ms-requestid'), headers.get('x-ms-correlationid')]).toEqual(['request-1', 'correlation-1']);
  });

  it('takes the first event of an hour only, and answers 409 with what it took', async () => {
    const event = usage({ dimension: 'instances' });
    await call('POST', 'usageEvent', { body: event });
    const again = await call('POST', 'usageEvent', { body: { ...event, quantity: 7 } });
    expect(again).toMatchObject({
      status: 409,
      body: { code: 'Conflict', additionalInfo: { acceptedMessage: { ...event, quantity: 1.5, status: 'Duplicate' } } },
    });
  });

  it('knows an application by its ARM id too, as the same resource', async () => {
    const { resourceId: _id, ...event } = usage();
    const byUri = { ...event, resourceUri: `${APPLICATIONS}/METERED` };
    expect((await send(byUri)).body.result).toEqual([
      expect.objectContaining({ status: 'Accepted', resourceUri: byUri.resourceUri }),
    ]);
    expect((await send({ ...event, resourceId })).body.result).toEqual([expect.objectContaining({ status: 'Duplicate' })]);
  });

  it('gives every event of a batch its own outcome', async () => {
    const taken = usage();
    await send(taken);
    const now = emulator.clock.now().getTime();
    const { status, body } = await send(
      usage(),
      { ...taken, quantity: 2 },
      usage({ effectiveStartTime: new Date(now - hours(24) - 1000).toISOString() }),
      usage({ resourceId: '99999999-0000-4000-8000-000000000000' }),
      usage({ dimension: 'unknown' }),
      usage({ quantity: 0 }),
      usage({ effectiveStartTime: new Date(now + hours(1)).toISOString() }),
      usage({ planId: 'another' }),
      usage({ quantity: '1' }),
      usage({ resourceUri: `${APPLICATIONS}/metered` }),
    );
    expect({ status, count: body['count'] }).toEqual({ status: 200, count: 10 });
    expect(body.result.map((item) => item['status'])).toEqual([
      'Accepted',
      'Duplicate',
      'Expired',
      'ResourceNotFound',
      'InvalidDimension',
      'InvalidQuantity',
      'BadArgument',
      'BadArgument',
      'BadArgument',
      'BadArgument',
    ]);
    expect(body.result[1]).toMatchObject({
      messageTime: '0001-01-01T00:00:00',
      error: { code: 'Conflict', additionalInfo: { acceptedMessage: { quantity: 1.5, status: 'Duplicate' } } },
    });
    expect(body.result[2]).toMatchObject({ error: { target: 'effectiveStartTime', code: 'Expired' } });
  });

  it('refuses usage of an application that another tenant published, that is not ready, or that is gone', async () => {
    const stranger = await tokenOf(sample.stranger, sample.otherTenantId);
    const foreign = await call('POST', 'batchUsageEvent', { body: { request: [usage()] }, token: stranger });
    expect(foreign.body.result[0]).toMatchObject({ status: 'ResourceNotAuthorized' });
    expect(await call('POST', 'usageEvent', { body: usage(), token: stranger })).toMatchObject({
      status: 403,
      body: { code: 'Forbidden' },
    });
    const id = `${APPLICATIONS}/unready`;
    const usageId = await order('unready');
    const unready = (): Record<string, unknown> => usage({ resourceId: undefined, resourceUri: id });
    emulator.platform.resources.update(id, { properties: { billingDetails: undefined } });
    expect((await send(unready())).body.result[0]).toMatchObject({ status: 'ResourceNotActive' });
    await emulator.platform.resources.remove(id);
    expect((await send(unready(), usage({ resourceId: usageId }))).body.result.map((item) => item['status'])).toEqual([
      'ResourceNotFound',
      'ResourceNotFound',
    ]);
  });

  it('refuses one bad event with 400 and the reason', async () => {
    const { quantity: _quantity, ...event } = usage();
    expect(await call('POST', 'usageEvent', { body: event })).toMatchObject({
      status: 400,
      body: { code: 'BadArgument', details: [{ target: 'quantity', code: 'BadArgument' }] },
    });
    const old = usage({ effectiveStartTime: new Date(emulator.clock.now().getTime() - hours(25)).toISOString() });
    expect((await call('POST', 'usageEvent', { body: old })).status).toBe(400);
  });

  it('takes no batch of more than 25 events, and none of it', async () => {
    const events = Array.from({ length: 26 }, () => usage({ dimension: 'instances' }));
    expect(await send(...events)).toMatchObject({ status: 400, body: { code: 'BadArgument' } });
    expect((await send()).status).toBe(400);
  });

  it('lets nobody in without a token for its audience and its api-version', async () => {
    expect((await call('POST', 'usageEvent', { body: usage(), token: '' })).status).toBe(403);
    const arm = await tokenOf(sample.publisher, sample.publisherTenantId, 'https://management.azure.com');
    expect((await call('POST', 'usageEvent', { body: usage(), token: arm })).body['code']).toBe('Forbidden');
    expect((await call('POST', 'usageEvent', { body: usage(), version: '2019-01-01' })).status).toBe(400);
  });

  it('reports what was sent, a row for a day, dimension and plan, and only to its publisher', async () => {
    const at = new Date(emulator.clock.now().getTime() + hours(240)).toISOString().slice(0, 10);
    await control('POST', 'clock', { set: `${at}T12:30:00Z` });
    const times = ['01', '02'].map((clock) => ({ effectiveStartTime: `${at}T${clock}:00:00Z` }));
    await send(...times.map((time) => usage(time)), usage({ ...times[0], dimension: 'instances' }));
    const query = `&usageStartDate=${at}&UsageEndDate=${at}T23:00:00Z`;
    const read = (more = '', token?: string) =>
      call('GET', 'usageEvents', { query: `${query}${more}`, ...(token === undefined ? {} : { token }) });
    expect((await read()).body).toEqual([
      expect.objectContaining({
        usageDate: `${at}T00:00:00Z`,
        usageResourceId: resourceId,
        dimension: 'cluster-hours',
        planId: PLAN.name,
        offerId: PLAN.product,
        azureSubscriptionId: sample.subscriptionId,
        reconStatus: 'Accepted',
        submittedQuantity: 3,
        processedQuantity: 3,
        submittedCount: 2,
      }),
      expect.objectContaining({ dimension: 'instances', submittedCount: 1 }),
    ]);
    expect((await read('&dimension=instances&reconStatus=Accepted')).body).toHaveLength(1);
    expect((await read('&planId=another')).body).toEqual([]);
    expect((await read('', await tokenOf(sample.stranger, sample.otherTenantId))).body).toEqual([]);
    expect((await call('GET', 'usageEvents')).status).toBe(400);
    const mismatch = { kind: 'reconciliation', reconStatus: 'Mismatch', dimension: 'instances', processedQuantity: 1 };
    await control('POST', 'metering', mismatch);
    expect((await read('&reconStatus=Mismatch')).body).toEqual([
      expect.objectContaining({ dimension: 'instances', submittedQuantity: 1.5, processedQuantity: 1 }),
    ]);
  });

  it('gives an outcome that a switch asks for, as often as it asks, without taking the event', async () => {
    await control('POST', 'metering', { kind: 'outcome', status: 'Error', dimension: 'instances' });
    const event = usage({ dimension: 'instances' });
    expect((await send(event)).body.result[0]).toMatchObject({ status: 'Error' });
    expect((await send(event)).body.result[0]).toMatchObject({ status: 'Accepted' });
    expect((await control('POST', 'metering', { kind: 'outcome', status: 'Lost' })).status).toBe(400);
  });

  it('keeps an event whose answer was lost', async () => {
    const event = usage({ dimension: 'instances' });
    await control('POST', 'faults', { path: '/api/batchUsageEvent', count: 1, effect: { kind: 'lostResponse' } });
    await expect(send(event)).rejects.toThrow();
    expect((await send(event)).body.result[0]).toMatchObject({ status: 'Duplicate' });
  });

  it('finds what it took after a restart, and limits how fast a publisher may call', async () => {
    const event = usage({ dimension: 'instances' });
    await send(event);
    emulator = await emulator.restart();
    expect((await send(event)).body.result[0]).toMatchObject({ status: 'Duplicate' });
    const slow = await startTestEmulator({ providers: [], environment: { EMULATOR_METERING_CALLS_PER_SECOND: '1' } });
    const token = (await slow.credential(sample.publisher, sample.publisherTenantId).getToken(`${METERING}/.default`)).token;
    const answers = await Promise.all(
      Array.from({ length: 40 }, () =>
        fetch(`${slow.endpoint}/api/batchUsageEvent?api-version=2018-08-31`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ request: [event] }),
        }),
      ),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
    await slow.dispose();
  });
});
