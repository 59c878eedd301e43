import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { minutes, seconds } from '@managed-consul/config';
import { createLogger } from '@managed-consul/observability';
import { QueueBell } from '@managed-consul/operations';
import { testRedisUrl, until } from '@managed-consul/testing';
import { startAdminApi, type AdminApiUnderTest } from '../testing/admin-api-under-test';

let bell: QueueBell;
let api: AdminApiUnderTest;
beforeAll(async () => {
  bell = new QueueBell(await testRedisUrl(), createLogger({ app: 'tests', level: 'silent' }));
  await until(() => bell.isReachable(), { within: seconds(20) });
  api = await startAdminApi({ queue: bell.queue });
});
afterAll(async () => {
  await api.stop();
  await bell.close();
});

const addressOf = (route: string) =>
  route.replace('*', 'nothing').replaceAll(/\{(\w+)\}/g, (_, name: string) => (name === 'queueName' ? 'operations' : name));
const ask = (cookie: string, method: string, path: string) =>
  api.fetch(path, { method, headers: { cookie }, redirect: 'manual' });

describe('the board of the queue', () => {
  test.each(['viewer', 'operator', 'lead'] as const)('is shown to a %s who has signed in', async (role) => {
    const page = await ask(`fleet=${api.tokens[role]}`, 'GET', '/fleet/queue');
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<div id="root">')]);
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/);
  });

  test('has no address that answers anybody else, and none that takes more than a read', async () => {
    await bell.ring({ id: 'kept', wakeNumber: 1 }, minutes(5));
    const routes = api.routes().flatMap((route) => {
      const [method = '', path = ''] = route.split(' ');
      return path.startsWith('/fleet/queue') ? [{ method, path: addressOf(path) }] : [];
    });
    expect(routes.filter(({ method }) => !['GET', 'HEAD'].includes(method)).length).toBeGreaterThan(10);
    const customer = await api.issuer.sign({
      ...{ tenantId: api.issuer.addTenant(), objectId: api.objectIds.lead, audience: 'api://managed-consul-admin' },
    });
    for (const { method, path } of routes) {
      for (const cookie of ['', `fleet=${customer}`])
        expect([path, (await ask(cookie, method, path)).status]).toEqual([path, 401]);
      if (method === 'GET' || method === 'HEAD') continue;
      const refused = await ask(`fleet=${api.tokens.lead}`, method, path);
      expect([path, refused.status]).toEqual([path, 404]);
    }
    expect(await bell.depth()).toMatchObject({ delayed: 1 });
  });

  test('says that it is to read, and of a job nothing but the id of its operation', async () => {
    const marked = 'a-secret-in-a-job';
    const data = { operationId: 'the-operation', managementToken: marked };
    await bell.queue.add('operation', data, { jobId: 'marked', delay: minutes(5) });
    const read = async (path: string) => (await ask(`fleet=${api.tokens.viewer}`, 'GET', path)).text();
    const list = await read('/fleet/queue/api/queues?activeQueue=operations&status=delayed&page=1&jobsPerPage=10');
    expect(JSON.parse(list)).toMatchObject({ queues: [{ name: 'operations', readOnlyMode: true }] });
    for (const answer of [list, await read('/fleet/queue/api/queues/operations/marked')]) {
      expect(answer).toContain('the-operation');
      expect(answer).not.toContain(marked);
    }
  });
});
