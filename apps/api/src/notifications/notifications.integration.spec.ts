import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomUUID } from 'node:crypto';
import { until } from '@managed-consul/testing';
import { NOTIFICATION_SECRET, startApi, type ApiUnderTest } from '../testing/api-under-test';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

const newApplication = () => `/subscriptions/${randomUUID()}/resourceGroups/App/providers/Microsoft.Solutions/applications/Hello`;

const newsOf = (applicationId: string, change: Record<string, unknown> = {}) => ({
  eventType: 'PUT',
  applicationId,
  eventTime: '2026-03-01T12:00:00.1234567Z',
  provisioningState: 'Succeeded',
  applicationDefinitionId: '/subscriptions/x/applicationDefinitions/managed-consul',
  somethingNew: { azure: 'adds fields' },
  ...change,
});

const post = (body: unknown, signature = NOTIFICATION_SECRET) =>
  api.request(undefined, 'POST', `/notifications/resource?sig=${encodeURIComponent(signature)}`, { body });

const operationsOf = (applicationId: string) =>
  api.database.prisma.operation.findMany({
    where: { subject: `application/${applicationId.toLowerCase()}` },
    orderBy: { createdAt: 'asc' },
  });

describe('a notification', () => {
  test('of a deployed application is stored and asks for its registration, with a bell', async () => {
    const applicationId = newApplication();
    expect((await post(newsOf(applicationId))).status).toBe(200);
    const [operation] = await operationsOf(applicationId);
    expect(operation).toMatchObject({ kind: 'register-installation', lane: 'Change' });
    expect(operation?.input).toEqual({ from: 'notification', applicationId: applicationId.toLowerCase(), eventType: 'PUT' });
    const [stored] = await api.database.prisma.notification.findMany({ where: { applicationId: applicationId.toLowerCase() } });
    expect(stored).toMatchObject({ operationId: operation?.id, body: { somethingNew: { azure: 'adds fields' } } });
    await until(async () => (await api.bells()).includes(operation!.id), { within: 10_000 });
  });

  test('that comes twice, also at once, or without leading slash asks for one operation', async () => {
    const applicationId = newApplication();
    const answers = await Promise.all([
      post(newsOf(applicationId)),
      post(newsOf(applicationId)),
      post(newsOf(applicationId.slice(1))),
      post(newsOf(applicationId, { eventTime: '2026-03-01T12:05:00Z', eventType: 'PATCH' })),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(await operationsOf(applicationId)).toHaveLength(1);
  });

  test.each([
    ['PUT', 'Succeeded'],
    ['DELETE', 'Deleted'],
  ])('that says %s/%s and is sent again after its work was done changes nothing', async (eventType, provisioningState) => {
    const applicationId = newApplication();
    const news = newsOf(applicationId, { eventType, provisioningState });
    await post(news);
    const ended = { state: 'Succeeded', finishedAt: new Date() } as const;
    await api.database.prisma.operation.updateMany({
      where: { subject: `application/${applicationId.toLowerCase()}` },
      data: ended,
    });
    const before = await operationsOf(applicationId);
    api.logged.length = 0;
    expect((await post(news)).status).toBe(200);
    expect(await operationsOf(applicationId)).toEqual(before);
    expect(await api.database.prisma.notification.count({ where: { applicationId: applicationId.toLowerCase() } })).toBe(1);
    expect(api.logged.join('')).toContain('"asksForWork":false');
    expect(api.logged.join('')).not.toContain(NOTIFICATION_SECRET);
  });

  test.each(['Accepted', 'Failed'])('of an application that is %s is stored and asks for nothing', async (provisioningState) => {
    const applicationId = newApplication();
    expect((await post(newsOf(applicationId, { provisioningState }))).status).toBe(200);
    expect(await operationsOf(applicationId)).toEqual([]);
    expect(await api.database.prisma.notification.count({ where: { applicationId: applicationId.toLowerCase() } })).toBe(1);
  });

  test('of a deletion overtakes the registration', async () => {
    const applicationId = newApplication();
    await post(newsOf(applicationId));
    await post(newsOf(applicationId, { eventType: 'DELETE', provisioningState: 'Deleting' }));
    await post(newsOf(applicationId, { eventType: 'DELETE', provisioningState: 'Deleted' }));
    const operations = await operationsOf(applicationId);
    expect(operations.map(({ kind, lane }) => `${lane} ${kind}`)).toEqual([
      'Change register-installation',
      'Delete remove-installation',
    ]);
    expect(operations[0]?.cancelRequestedAt).not.toBeNull();
  });

  test('of an application that is set up again while it is being removed waits for the removal', async () => {
    const applicationId = newApplication();
    await post(newsOf(applicationId, { eventType: 'DELETE', provisioningState: 'Deleted' }));
    const again = newsOf(applicationId, { eventTime: '2026-03-01T13:00:00Z' });
    const refused = await post(again);
    expect([refused.status, refused.body.error?.code, refused.headers.get('retry-after')]).toEqual([
      503,
      'ServiceUnavailable',
      '60',
    ]);
    const ofApplication = { applicationId: applicationId.toLowerCase() };
    expect(await api.database.prisma.notification.count({ where: ofApplication })).toBe(1);

    const [removal] = await operationsOf(applicationId);
    const ended = { state: 'Succeeded', finishedAt: new Date() } as const;
    await api.database.prisma.operation.update({ where: { id: removal!.id }, data: ended });
    expect((await post(again)).status).toBe(200);
    expect((await operationsOf(applicationId)).map(({ kind }) => kind)).toEqual(['remove-installation', 'register-installation']);
  });

  test('that differs from others that come at once is never refused', async () => {
    const applicationId = newApplication();
    const times = Array.from({ length: 12 }, (_, second) => `2026-03-01T14:00:${10 + second}Z`);
    const answers = await Promise.all(times.map((eventTime) => post(newsOf(applicationId, { eventTime }))));
    expect(answers.map(({ status }) => status)).toEqual(times.map(() => 200));
    expect(await operationsOf(applicationId)).toHaveLength(1);
  });

  test.each(['', 'wrong', `${NOTIFICATION_SECRET}x`])('with the sig %j is refused and not stored', async (signature) => {
    const applicationId = newApplication();
    api.logged.length = 0;
    const answer = await post(newsOf(applicationId), signature);
    expect(api.logged.join('')).toContain('Notification refused');
    if (signature !== '') expect(api.logged.join('')).not.toContain(signature);
    expect([answer.status, answer.body.error?.code]).toEqual([401, 'AuthenticationFailed']);
    expect(await api.database.prisma.notification.count({ where: { applicationId: applicationId.toLowerCase() } })).toBe(0);
  });

  test('without a sig is refused and not stored, also where the secret is in a header or the body', async () => {
    const applicationId = newApplication();
    const body = newsOf(applicationId, { sig: NOTIFICATION_SECRET });
    const headers = { authorization: `Bearer ${NOTIFICATION_SECRET}`, sig: NOTIFICATION_SECRET };
    expect((await api.request(undefined, 'POST', '/notifications/resource', { body, headers })).status).toBe(401);
    expect(await api.database.prisma.notification.count({ where: { applicationId: applicationId.toLowerCase() } })).toBe(0);
  });

  test('that is none is refused', async () => {
    expect((await post({ hello: 'world' })).status).toBe(400);
  });

  test('leaves its secret in no log', () => {
    expect(api.logged.length).toBeGreaterThan(0);
    expect(api.logged.join('')).not.toContain(NOTIFICATION_SECRET);
  });
});
