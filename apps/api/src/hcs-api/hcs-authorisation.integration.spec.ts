import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hcsOperations } from '@managed-consul/api-contract';
import { setFrontDoor } from '@managed-consul/clusters';
import { seconds } from '@managed-consul/config';
import { until } from '@managed-consul/testing';
import {
  addPrograms,
  countRecords,
  newAccessPlace,
  outsidersOf,
  suspendTenant,
  tenantlessOf,
  type AccessPlace,
} from '../testing/access-under-test';
import { startApi, type ApiUnderTest, type Person, type RawAnswer } from '../testing/api-under-test';
import { addressOf, type HcsOperationName } from '../testing/hcs-api-under-test';

/** The notification is a route of /v1's contract too, and is looked at there. */
type Name = Exclude<HcsOperationName, 'ResourceNotification'>;

interface Entry {
  needs: 'Reader' | 'Contributor';
  /** Asks for a role above Reader and changes nothing. */
  reads?: true;
  body?: (place: AccessPlace) => object;
}

const read: Entry = { needs: 'Reader' };
const write = (body?: (place: AccessPlace) => object): Entry => ({ needs: 'Contributor', ...(body ? { body } : {}) });
const ofSnapshot = ({ snapshot }: AccessPlace) => ({ snapshotId: snapshot.id });

/** A new operation without an entry does not compile. */
const OPERATIONS: Record<Name, Entry> = {
  ListClusters: read,
  GetCluster: read,
  CreateCluster: write(() => ({ properties: { email: 'ops@example.com', consulVnetCidr: '172.25.20.0/24' } })),
  DeleteCluster: write(),
  UpdateCluster: write(() => ({ update: { consulVersion: '1.8.19' } })),
  ListConsulUpgradeVersions: read,
  CreateSnapshot: write(() => ({ name: 'by-hand' })),
  GetSnapshot: { needs: 'Reader', body: ofSnapshot },
  ListSnapshots: read,
  RenameSnapshot: write((place) => ({ ...ofSnapshot(place), name: 'renamed' })),
  DeleteSnapshot: write(ofSnapshot),
  RestoreSnapshot: write(ofSnapshot),
  CreateToken: write(),
  CreateFederationToken: write(),
  GetFederation: read,
  GetConfig: { ...write(), reads: true },
  GetOperation: { needs: 'Reader', body: ({ operationId }) => ({ operationId }) },
  GetBillingInfo: read,
  GetBillingReport: { needs: 'Reader', body: () => ({ month: '2026/05' }) },
};
const names = Object.keys(OPERATIONS) as Name[];

let api: ApiUnderTest;
/** For requests that change nothing, and for those that are refused. */
let shared: AccessPlace;
/** Of a tenant that operators have suspended. */
let suspended: AccessPlace;
let outsiders: Record<string, Person>;
let tenantless: Record<string, Person | undefined>;
/** The secrets of front doors: that of the shared place, of another installation, and of none. */
const doors = {
  own: randomUUID() + randomUUID(),
  another: randomUUID() + randomUUID(),
  none: randomUUID() + randomUUID(),
  suspended: randomUUID() + randomUUID(),
};

const openDoor = ({ installation }: AccessPlace, to: string) =>
  api.database.prisma.$transaction((tx) => setFrontDoor(tx, installation, to));

beforeAll(async () => {
  api = await startApi();
  await addPrograms(api);
  shared = await newAccessPlace(api);
  await openDoor(shared, doors.own);
  await openDoor(await newAccessPlace(api), doors.another);
  suspended = await newAccessPlace(api);
  await openDoor(suspended, doors.suspended);
  await suspendTenant(api, suspended.owner.tenantId);
  outsiders = await outsidersOf(api, shared);
  tenantless = await tenantlessOf(api, shared);
});
afterAll(() => api.stop());

interface Way {
  person?: Person | undefined;
  door?: string;
}

function send(name: Name, { person, door }: Way, place: AccessPlace): Promise<RawAnswer> {
  const { method } = hcsOperations[name];
  // One that is there already is answered as it is, and creates nothing.
  const address = addressOf(name, place, name === 'CreateCluster' ? 'another' : place.cluster.name);
  const body = method === 'POST' || method === 'PUT' ? { body: OPERATIONS[name].body?.(place) ?? {} } : {};
  return api.request(person, method, door === undefined ? address : `/forwarded/${door}${address}`, body);
}

/** Answers as the worker lets it: the token is given once its operation has ended. */
async function sendWithWorker(name: Name, way: Way, place: AccessPlace): Promise<RawAnswer> {
  const answer = send(name, way, place);
  if (name !== 'CreateToken') return answer;
  const where = { clusterId: place.cluster.id, kind: 'create-root-token' } as const;
  const { prisma, pool } = api.database;
  await until(() => prisma.operation.findFirst({ where }), { within: seconds(30) });
  const { id } = await prisma.operation.findFirstOrThrow({ where });
  const data = { state: 'Succeeded', finishedAt: new Date(), revision: { increment: 1 } } as const;
  await prisma.operation.update({ where: { id }, data });
  await pool.query("SELECT pg_notify('operation_changed', $1)", [id]);
  return answer;
}

/** What each way is answered, which adds nothing to the records. */
async function refusalsOf(name: Name, ways: Record<string, Way>): Promise<[string, number][]> {
  const before = await countRecords(api);
  const answers: [string, number][] = [];
  for (const [who, way] of Object.entries(ways)) answers.push([who, (await send(name, way, shared)).status]);
  expect(await countRecords(api)).toEqual(before);
  return answers;
}

const all = (ways: Record<string, Way>, status: number) => Object.keys(ways).map((who) => [who, status]);
const speaking = (people: Record<string, Person | undefined>): Record<string, Way> =>
  Object.fromEntries(Object.entries(people).map(([who, person]) => [who, { person }]));

describe.each(names)('%s', (name) => {
  const { needs } = OPERATIONS[name];

  test('is open to a suspended tenant exactly when it changes nothing, also through Azure', async () => {
    const before = await countRecords(api);
    const reads = OPERATIONS[name].reads ?? needs === 'Reader';
    for (const way of [{ person: suspended.owner }, { door: doors.suspended }]) {
      const { status, text } = await send(name, way, suspended);
      expect([status, /is suspended \(NonPayment/.test(text)]).toEqual(reads ? [200, false] : [403, true]);
    }
    if (!reads) expect(await countRecords(api)).toEqual(before);
  });

  test.each(['Reader', 'Contributor', 'Owner', 'Azure'] as const)('is for %s exactly when it has to be', async (who) => {
    if (who === 'Reader' && needs === 'Contributor') {
      expect(await refusalsOf(name, { Reader: { person: shared.people.Reader } })).toEqual([['Reader', 403]]);
      return;
    }
    const place = needs === 'Reader' ? shared : await newAccessPlace(api);
    const door = randomUUID() + randomUUID();
    if (who === 'Azure' && place !== shared) await openDoor(place, door);
    const way = who === 'Azure' ? { door: place === shared ? doors.own : door } : { person: place.people[who] };
    const answer = await sendWithWorker(name, way, place);
    expect([answer.status, answer.text]).toEqual([200, answer.text]);
  });

  test('does not exist for outsiders, and is closed to those without a good token', async () => {
    const [strangers, nobodies] = [speaking(outsiders), speaking(tenantless)];
    expect(await refusalsOf(name, strangers)).toEqual(all(strangers, 404));
    expect(await refusalsOf(name, nobodies)).toEqual(all(nobodies, 401));
  });

  test("is not behind another installation's front door, whoever comes", async () => {
    const ways = { nobody: { door: doors.another }, 'the owner': { door: doors.another, person: shared.owner } };
    expect(await refusalsOf(name, ways)).toEqual(all(ways, 401));
  });
});

test('no operation is behind a front door that is not there', async () => {
  const way = { door: doors.none, person: shared.owner };
  const answers = await Promise.all(names.map(async (name) => [name, (await send(name, way, shared)).status]));
  expect(answers).toEqual(names.map((name) => [name, 401]));
});

test('a front door greets only who knows where it is', async () => {
  const statusAt = async (door: string) => (await api.request(shared.owner, 'GET', `/forwarded/${door}`)).status;
  expect([await statusAt(doors.own), await statusAt(doors.none)]).toEqual([200, 401]);
});

test('every route of the API is looked at, at both of its doors', () => {
  const known = names.map((name) => `${hcsOperations[name].method} ${hcsOperations[name].path}`);
  const offered = api.routes().filter((route) => /^(?!HEAD )\S+ (\/forwarded\/\{secret\})?\/subscriptions\//.test(route));
  const doorsOf = (route: string) => [route, route.replace(' ', ' /forwarded/{secret}')];
  expect(offered.sort()).toEqual(known.flatMap(doorsOf).sort());
});
