import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { routes, type RouteContract, type RouteName } from '@managed-consul/api-contract';
import type { AccessRole } from '@managed-consul/database';
import {
  addPrograms,
  countRecords,
  newAccessPlace,
  outsidersOf,
  suspendTenant,
  tenantlessOf,
  type AccessPlace,
} from './testing/access-under-test';
import { NOTIFICATION_SECRET, startApi, type ApiUnderTest, type Person, type RawAnswer } from './testing/api-under-test';

/**
 * Whom a route is for: a role on the installation and those above it; `list`: everyone with a token, who is shown only what is
 * theirs; `token`: everyone with a token; `nothing`: everyone; `signature`: who knows the secret in the address.
 */
type Needed = Exclude<AccessRole, 'Owner'> | 'list' | 'token' | 'nothing' | 'signature';

interface Common {
  needs: Needed;
  /** Asks for a role above Reader and changes nothing. */
  reads?: true;
  query?: string;
}
type Entry<Name extends RouteName> = Common &
  ((typeof routes)[Name] extends { body: unknown } ? { body: (place: AccessPlace) => object } : { body?: never });

const nothing = () => ({});
const write = (body: (place: AccessPlace) => object = nothing) => ({ needs: 'Contributor' as const, body });
const another = ({ installation }: AccessPlace) => ({
  ...{ installationId: installation.id, name: 'another', email: 'ops@example.com', networkCidr: '172.25.20.0/24' },
});
const ofSnapshot = ({ snapshot }: AccessPlace) => ({ snapshotId: snapshot.id });
const read = { needs: 'Reader' } as const;
const list = { needs: 'list' } as const;
const open = { needs: 'nothing' } as const;

/** A new route without an entry does not compile. */
const ROUTES: { [Name in RouteName]: Entry<Name> } = {
  createInstallation: {
    needs: 'token',
    body: () => ({ subscriptionId: randomUUID(), resourceGroup: 'consul', region: 'westeurope' }),
  },
  listInstallations: list,
  getInstallation: read,
  preflight: { ...write(another), reads: true },
  createCluster: write(another),
  listClusters: list,
  getCluster: read,
  updateCluster: write(() => ({ tags: { team: 'a' } })),
  deleteCluster: { needs: 'Contributor' },
  listClusterEvents: read,
  listClusterOperations: read,
  createRootToken: write(),
  createClientBundle: { ...write(), reads: true },
  createSnapshot: write(),
  listClusterSnapshots: read,
  listSnapshots: list,
  getSnapshot: read,
  updateSnapshot: write(() => ({ name: 'renamed' })),
  deleteSnapshot: { needs: 'Contributor' },
  createSnapshotLink: write(),
  drillSnapshot: write(),
  previewRestore: write(ofSnapshot),
  restoreCluster: write(ofSnapshot),
  recoverQuorum: write(() => ({ from: 'Survivors' })),
  listUpgradeVersions: read,
  previewUpgrade: { needs: 'Reader', body: () => ({ consulVersion: '1.8.19' }) },
  upgradeCluster: write(() => ({ consulVersion: '1.8.19' })),
  deferUpgrades: write(() => ({ until: null })),
  scaleCluster: write(() => ({ servers: 5 })),
  resizeCluster: write(() => ({ vmSize: 'Standard_D4s_v3' })),
  suspendCluster: write(),
  resumeCluster: write(),
  repairCluster: write(),
  createRotation: write(() => ({ what: 'GossipKey' })),
  listClusterAuditEvents: read,
  createFederationToken: write(),
  getFederation: read,
  getUsage: read,
  getUsageReport: read,
  estimateCost: { needs: 'token', query: '?plan=on-demand&servers=3&vmSize=Standard_D2s_v3' },
  getBudget: read,
  updateBudget: write(() => ({ amount: '100' })),
  getOperation: read,
  getOperationResult: read,
  streamOperationEvents: read,
  cancelOperation: write(),
  listConsulVersions: open,
  listRegions: open,
  listPlans: open,
  receiveNotification: {
    needs: 'signature',
    body: ({ installation }) => ({
      ...{ eventType: 'PUT', provisioningState: 'Accepted', eventTime: '2026-05-20T10:00:00Z' },
      applicationId: `${installation.applicationId ?? ''}-other`,
    }),
  },
};

let api: ApiUnderTest;
/** For requests that change nothing, and for those that are refused. */
let shared: AccessPlace;
/** Of a tenant that operators have suspended. */
let suspended: AccessPlace;
let outsiders: Record<string, Person>;
let tenantless: Record<string, Person | undefined>;

beforeAll(async () => {
  api = await startApi();
  await addPrograms(api);
  shared = await newAccessPlace(api);
  suspended = await newAccessPlace(api);
  await suspendTenant(api, suspended.owner.tenantId);
  outsiders = await outsidersOf(api, shared);
  tenantless = await tenantlessOf(api, shared);
});
afterAll(() => api.stop());

/** What stands for `{id}`, by the folder that it is in. */
function idIn(path: string, { cluster, installation, snapshot, operationId }: AccessPlace): string {
  if (path.includes('/installations/')) return installation.id;
  if (path.includes('/snapshots/')) return snapshot.id;
  return path.includes('/operations/') ? operationId : cluster.id;
}

function send(name: RouteName, person: Person | undefined, place: AccessPlace, id = idIn(routes[name].path, place)) {
  const { method, path } = routes[name];
  const { body, query = '' }: { body?: (at: AccessPlace) => object; query?: string } = ROUTES[name];
  const target = path.replace('{id}', id).replace('{month}', '2026-05');
  return api.request(person, method, `${target}${query}`, body ? { body: body(place) } : {});
}

const codeOf = ({ status, body }: RawAnswer) => [status, body.error?.code];

/** What everyone of a group is answered, by who they are. */
async function answersOf(name: RouteName, people: Record<string, Person | undefined>): Promise<Record<string, RawAnswer>> {
  const before = await countRecords(api);
  const answers: Record<string, RawAnswer> = {};
  for (const [who, person] of Object.entries(people)) answers[who] = await send(name, person, shared);
  if (ROUTES[name].needs !== 'token') expect(await countRecords(api)).toEqual(before);
  return answers;
}

/** A place in the state that the route begins in. */
async function placeFor(name: RouteName): Promise<AccessPlace> {
  const contract: RouteContract = routes[name];
  if (contract.method === 'GET') return shared;
  const place = await newAccessPlace(api);
  if (name === 'cancelOperation') {
    const { cluster, installation } = place;
    const about = { clusterId: cluster.id, installationId: installation.id, subject: `cluster/${cluster.id}` };
    const { id } = await api.database.prisma.operation.create({
      data: { ...about, kind: 'scale-cluster', requestedBy: 'tests' },
    });
    return { ...place, operationId: id };
  }
  if (name !== 'resumeCluster') return place;
  await api.database.prisma.cluster.update({ where: { id: place.cluster.id }, data: { powerState: 'Suspended' } });
  return place;
}

const named = (needed: (needs: Needed) => boolean) =>
  (Object.keys(routes) as RouteName[]).filter((name) => needed(ROUTES[name].needs));
const byRole = named((needs) => needs === 'Reader' || needs === 'Contributor');

describe.each(byRole)('%s', (name) => {
  test.each(['Reader', 'Contributor', 'Owner'] as const)('is for a %s exactly when it has to be', async (role) => {
    if (role === 'Reader' && ROUTES[name].needs === 'Contributor') {
      const answers = await answersOf(name, { reader: shared.people.Reader });
      expect(Object.values(answers).map(codeOf)).toEqual([[403, 'AuthorizationFailed']]);
      return;
    }
    const place = await placeFor(name);
    const answer = await send(name, place.people[role], place);
    expect([answer.status, answer.text]).toEqual([expect.toBeOneOf([200, 202, 204]), answer.text]);
  });

  test('is open to a suspended tenant exactly when it changes nothing', async () => {
    const before = await countRecords(api);
    const { needs, reads = needs === 'Reader' } = ROUTES[name] as Common;
    const answer = await send(name, suspended.owner, suspended);
    expect(codeOf(answer)).toEqual(reads ? [expect.toBeOneOf([200, 202, 204]), undefined] : [403, 'TenantSuspended']);
    if (reads) return;
    expect(await countRecords(api)).toEqual(before);
    expect(answer.body.error?.message).toMatch(/NonPayment.* Ask billing@example\.com\.$/);
  });

  test('says to outsiders what it says of something that there is not', async () => {
    const id = idIn(routes[name].path, shared);
    for (const [who, { status, body }] of Object.entries(await answersOf(name, outsiders))) {
      expect([who, status, body.error?.code]).toEqual([who, 404, 'ResourceNotFound']);
      if (!routes[name].path.includes('{id}')) continue;
      const missing = randomUUID();
      const nothingThere = await send(name, outsiders[who], shared, missing);
      expect(nothingThere.body.error?.message.replace(missing, id)).toBe(body.error?.message);
    }
  });
});

test.each(named((needs) => needs === 'list'))('%s shows nothing to outsiders, and to insiders what is theirs', async (name) => {
  const answers = await answersOf(name, { ...outsiders, ...shared.people });
  const shows = Object.entries(answers).map(([who, { status, text }]) => [who, status, text.includes(shared.installation.id)]);
  const expected = [
    ...Object.keys(outsiders).map((who) => [who, 200, false]),
    ...Object.keys(shared.people).map((who) => [who, 200, true]),
  ];
  expect(shows).toEqual(expected);
});

test.each(named((needs) => needs === 'token'))('%s is for everyone with a token', async (name) => {
  const answers = await answersOf(name, { ...outsiders, ...shared.people });
  for (const [who, { status }] of Object.entries(answers)) expect([who, status]).toEqual([who, expect.toBeOneOf([200, 202])]);
});

test.each(named((needs) => needs !== 'nothing' && needs !== 'signature'))(
  '%s is closed to those without a good token',
  async (name) => {
    const answers = await answersOf(name, tenantless);
    for (const [who, answer] of Object.entries(answers))
      expect([who, ...codeOf(answer)]).toEqual([who, 401, 'AuthenticationFailed']);
  },
);

test.each(named((needs) => needs === 'nothing'))('%s is for everyone', async (name) => {
  const answers = await answersOf(name, { ...outsiders, ...shared.people, ...tenantless });
  for (const [who, { status }] of Object.entries(answers)) expect([who, status]).toEqual([who, 200]);
});

test.each(named((needs) => needs === 'signature'))('%s is for who knows its secret, whatever token there is', async (name) => {
  const answers = await answersOf(name, { ...outsiders, ...shared.people, ...tenantless });
  for (const [who, { status }] of Object.entries(answers))
    expect([who, status]).toEqual([who, expect.toBeOneOf([400, 401, 403])]);
  const { method, path } = routes[name];
  const body = (ROUTES[name] as { body: (at: AccessPlace) => object }).body(shared);
  const statuses = [NOTIFICATION_SECRET, 'another'].map(
    async (sig) => (await api.request(shared.owner, method, `${path}?sig=${sig}`, { body })).status,
  );
  expect(await Promise.all(statuses)).toEqual([200, 401]);
});

/** Beside both contracts, and open to all; the first is looked at with the front doors. */
const BESIDE = ['GET /forwarded/{secret}', 'GET /consul/2021-02-04/versions', 'GET /healthz', 'GET /openapi.json'];

test('every route is looked at here, is of the HCS API, or is one of those that are open to all', async () => {
  const known = new Set(Object.values(routes).map(({ method, path }) => `${method} ${path}`));
  const others = api.routes().filter((route) => !route.startsWith('HEAD ') && !known.has(route));
  const beside = others.filter((route) => !/ (\/forwarded\/\{secret\})?\/subscriptions\//.test(route));
  expect(beside.sort()).toEqual([...BESIDE].sort());
  for (const route of BESIDE.slice(1)) {
    const { status, text } = await api.request(undefined, 'GET', route.replace('GET ', ''));
    expect([route, status, text.includes(shared.cluster.id)]).toEqual([route, 200, false]);
  }
});
