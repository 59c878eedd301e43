import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hours } from '@managed-consul/config';
import { startAdminApi, type AdminApiUnderTest } from '../testing/admin-api-under-test';

let api: AdminApiUnderTest;
beforeAll(async () => {
  api = await startAdminApi();
});
afterAll(() => api.stop());

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const submit = (address: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  api.fetch(address, { method: 'POST', headers: { ...form, ...headers }, body: new URLSearchParams(fields), redirect: 'manual' });
/** What the browser keeps of an answer, as it sends it back. */
const cookieOf = (answer: Response) => (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '';
const visit = (cookie: string, query = '') => api.fetch(`/fleet${query}`, { headers: { cookie } });
const signIn = async (token: string) => cookieOf(await submit('/fleet/sign-in', { token }));

const read = async (query = '') => (await visit(await signIn(api.tokens.viewer), query)).text();
/** The part of a page under a heading. */
const partOf = (page: string, id: string) => page.split('<section').find((part) => part.includes(`<h2 id="${id}">`)) ?? '';

describe('who may see the page of the fleet', () => {
  test.each(['viewer', 'operator', 'lead'] as const)('a %s, who signs in with a token of the API', async (role) => {
    const signedIn = await submit('/fleet/sign-in', { token: `  ${api.tokens[role]}\n` });
    expect([signedIn.status, signedIn.headers.get('location')]).toEqual([303, '/fleet']);
    const kept = signedIn.headers.get('set-cookie');
    expect(kept).toMatch(/; Path=\/fleet; Max-Age=3600; HttpOnly; SameSite=Strict; Secure$/);
    const page = await visit(cookieOf(signedIn));
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<h1>Fleet</h1>')]);
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'self'; form-action 'self';/);
  });

  test('nobody else: not without a token, with a bad one, a customers’, or one of a colleague without a role', async () => {
    await api.newCluster({ name: 'well-hidden' });
    const { issuer, tenantId, objectIds } = api;
    const audience = 'api://managed-consul-admin';
    const tokens = [
      'not-a-token',
      'a'.repeat(5000),
      await issuer.sign({ tenantId, objectId: randomUUID(), audience }),
      await issuer.sign({ tenantId: issuer.addTenant(), objectId: objectIds.lead, audience }),
      await issuer.sign({ tenantId, objectId: objectIds.lead, audience: 'api://managed-consul' }),
      await issuer.sign({ tenantId, objectId: objectIds.lead, audience, expiresIn: -3600 }),
    ];
    const door = await (await api.fetch('/fleet')).text();
    const refusals = new Set<string>();
    for (const token of tokens) {
      const refused = await submit('/fleet/sign-in', { token });
      expect([refused.status, refused.headers.get('set-cookie')]).toEqual([401, null]);
      refusals.add(await refused.text());
      const page = await visit(`fleet=${token}`);
      expect([page.status, await page.text()]).toEqual([401, door]);
    }
    expect(refusals.size).toBe(1);
    expect(door).not.toContain('well-hidden');
  });

  test('nobody any more after signing out, nor by a form on another site', async () => {
    const out = await submit('/fleet/sign-out', {});
    expect(out.headers.get('set-cookie')).toMatch(/^fleet=; Path=\/fleet; Max-Age=0;/);
    for (const site of ['cross-site', 'same-site', 'none']) {
      const from = { 'sec-fetch-site': site };
      expect((await submit('/fleet/sign-in', { token: api.tokens.lead }, from)).status).toBe(401);
      expect((await submit('/fleet/sign-out', {}, from)).headers.get('set-cookie')).toBeNull();
    }
  });

  test('the cookie opens the page and nothing else, and no other address takes a form', async () => {
    const cookie = await signIn(api.tokens.lead);
    const other = await api.fetch('/admin/clusters', { headers: { cookie } });
    expect(other.status).toBe(401);
    const headers = { ...form, authorization: `Bearer ${api.tokens.lead}` };
    const write = await api.fetch('/admin/freezes', { method: 'POST', headers, body: 'scope=All' });
    expect(write.status).toBe(415);
  });
});

describe('the page of the fleet', () => {
  test('has the clusters by state, region and version, and what is wrong with those that have problems', async () => {
    const against = { type: 'BackedUp', status: 'False', reason: 'SnapshotOverdue', message: 'None since <Sunday>.' };
    const long = {
      ...against,
      type: 'InfrastructureInSync',
      reason: 'ResourceMissing',
      message: `${'A rule is missing. '.repeat(99)}End.`,
    };
    const good = { type: 'Degraded', status: 'False', reason: 'AllServersHealthy', message: 'Every server is healthy.' };
    const newer = { type: 'UpToDate', status: 'False', reason: 'NewerVersion', message: 'There is a newer one.' };
    await api.newCluster({ name: 'troubled', conditions: [against, long, good] });
    await api.newCluster({ name: 'failed', provisioningState: 'Failed' });
    await api.newCluster({ name: 'fine', conditions: [good, newer], region: 'northeurope' });
    const page = await read();
    const troubled = partOf(page, 'troubled');
    expect(troubled).toContain('BackedUp: SnapshotOverdue.');
    expect(troubled).toContain('None since &lt;Sunday&gt;.');
    expect(troubled).toContain('InfrastructureInSync: ResourceMissing.');
    expect(troubled).not.toContain('End.');
    expect(troubled).toContain('Its last operation failed.');
    expect(troubled).not.toContain('fine');
    expect(partOf(page, 'overview')).toContain('northeurope');
    expect(partOf(page, 'clusters')).toContain('fine');
  });

  test('narrows and turns over its clusters', async () => {
    for (let count = 0; count < 51; count += 1) await api.newCluster({ name: `many-${count}`, region: 'uksouth' });
    await api.newCluster({ name: 'many-elsewhere', region: 'francecentral' });
    const first = partOf(await read('?region=uksouth&name=many&consulVersion='), 'clusters');
    expect(first).not.toContain('many-elsewhere');
    const next = /href="(\/fleet\?[^"#]+)#clusters">Next page/.exec(first)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const second = partOf(await read(next.replace('/fleet', '')), 'clusters');
    const namesIn = (part: string) => part.match(/many-\d+/g) ?? [];
    expect([namesIn(first).length, namesIn(second).length]).toEqual([50, 1]);
    expect(second).not.toContain('Next page');
  });

  test('has operations that run, failed or take too long, the queue, rollouts, freezes and what is wrong with usage', async () => {
    const { prisma } = api.database;
    const cluster = await api.newCluster({ name: 'busy' });
    const input = { managementToken: 'a-secret-in-an-input' };
    await api.newOperation(cluster, {
      state: 'Running',
      pagedAt: new Date(),
      currentStep: 'serversJoin',
      kind: 'scale-cluster',
      input,
    });
    await api.newOperation(cluster, {
      ...{ state: 'Failed', kind: 'upgrade-cluster', errorCode: 'QuorumLost', errorMessage: 'Two of three are gone.' },
      ...{ errorStep: 'restartServers', wakeAt: null, finishedAt: new Date() },
    });
    const pace = { selection: {}, concurrency: 1, toleratedPercent: 0, soakSeconds: 0, waves: 4 };
    const grounds = { reason: 'Keys are old.', ticket: 'OPS-7', actorId: 'lead' };
    const who = { actorTenantId: api.tenantId, correlationId: 'tests' };
    await prisma.rollout.create({
      data: { task: 'GossipKey', ...pace, ...grounds, ...who, state: 'Paused', pauseReason: 'Too many failures.' },
    });
    await prisma.freeze.create({ data: { ...grounds, scope: 'All', until: new Date(Date.now() + hours(24)) } });
    await api.newEmission(cluster, { state: 'Parked', problem: 'InvalidDimension' });
    const page = await read();
    const [overdue = ''] = partOf(page, 'operations').split('<h3>Running');
    expect(overdue).toContain('serversJoin');
    expect(partOf(page, 'operations')).toContain('QuorumLost: Two of three are gone.');
    expect(partOf(page, 'queue')).toMatch(/Bells in Redis: 3 waiting, 2 being answered/);
    expect(partOf(page, 'rollouts')).toContain('Too many failures.');
    expect(partOf(page, 'rollouts')).toContain('OPS-7: Keys are old.');
    expect(partOf(page, 'usage')).toContain('InvalidDimension');
    expect(page).not.toContain('a-secret-in-an-input');
    expect(page).not.toMatch(/<script| style=| on\w+=/);
  });
});
