import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApi, type ApiUnderTest } from '../testing/api-under-test';
import { callHcs, newHcsPlace } from '../testing/hcs-api-under-test';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApi({ allowance: { reads: 3, writes: 2 } });
});
afterAll(() => api.stop());

it('a caller who sends too much is told when to go on, loses nothing by it, and holds nobody else up', async () => {
  const tenantId = api.issuer.addTenant();
  const [wild, colleague] = [await api.newPerson(tenantId), await api.newPerson(tenantId)];
  const list = (person: typeof wild) => api.request(person, 'GET', '/v1/clusters');
  const left: (string | null)[] = [];
  for (let request = 0; request < 3; request += 1) {
    const answer = await list(wild);
    expect(answer.status).toBe(200);
    left.push(answer.headers.get('x-ms-ratelimit-remaining-resource'));
  }
  expect(left).toEqual(['Reads;2', 'Reads;1', 'Reads;0']);

  const refused = await list(wild);
  expect([refused.status, refused.body.error?.code]).toEqual([429, 'TooManyRequests']);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(refused.body.error?.message).toMatch(/more than 3 reads a minute\. Go on in \d+ s/);
  expect((await list(colleague)).status).toBe(200);
});

it('who is refused has changed nothing', async () => {
  const person = await api.newPerson();
  const register = () =>
    api.request(person, 'POST', '/v1/installations', { body: {}, headers: { 'idempotency-key': 'once-more' } });
  const [first, second, third] = [await register(), await register(), await register()];
  expect([first.status, second.status, third.status]).toEqual([400, 400, 429]);
  expect(await api.database.prisma.idempotencyKey.count({ where: { key: 'once-more' } })).toBe(0);
});

it('a caller without a good token uses nothing up', async () => {
  const person = await api.newPerson();
  const stranger = { ...person, token: `${person.token}x` };
  for (let request = 0; request < 5; request += 1) expect((await api.request(stranger, 'GET', '/v1/clusters')).status).toBe(401);
  expect((await api.request(person, 'GET', '/v1/clusters')).headers.get('x-ms-ratelimit-remaining-resource')).toBe('Reads;2');
});

it('the HCS API refuses in its own form', async () => {
  const place = await newHcsPlace(api);
  const ask = () => callHcs(api, place, 'ListClusters');
  const [first] = [await ask(), await ask(), await ask()];
  expect(first.status).toBe(200);
  const refused = await ask();
  expect(refused.status).toBe(429);
  expect(refused.body).toMatchObject({ code: 8, message: expect.stringContaining('a minute. Go on in') as string });
});
