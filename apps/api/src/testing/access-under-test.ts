import type { AccessRole, Snapshot } from '@managed-consul/database';
import type { ApiUnderTest, Person } from './api-under-test';
import { newHcsPlace, type HcsPlace } from './hcs-api-under-test';

/** A ready cluster with a snapshot, and one person for each role on its installation. */
export interface AccessPlace extends HcsPlace {
  people: Record<AccessRole, Person>;
  snapshot: Snapshot;
  /** The ended operation that made the cluster. */
  operationId: string;
}

/** Makes one. */
export async function newAccessPlace(api: ApiUnderTest): Promise<AccessPlace> {
  const { prisma } = api.database;
  const place = await newHcsPlace(api);
  const { tenantId } = place.owner;
  const [reader, contributor] = await Promise.all([api.newPerson(tenantId), api.newPerson(tenantId)]);
  const where = { tenantId, installationId: place.installation.id };
  await prisma.roleAssignment.createMany({
    data: [
      { ...where, principalId: reader.objectId, role: 'Reader' },
      { ...where, principalId: contributor.objectId, role: 'Contributor' },
    ],
  });
  const { id: operationId } = await prisma.operation.findFirstOrThrow({ where: { clusterId: place.cluster.id } });
  const snapshot = await api.newSnapshot(place.cluster, { verifiedAt: new Date(), sizeBytes: 1n });
  return { ...place, people: { Reader: reader, Contributor: contributor, Owner: place.owner }, snapshot, operationId };
}

/** Suspends one as operators do. */
export async function suspendTenant({ database: { prisma } }: ApiUnderTest, tenantId: string): Promise<void> {
  const why = { suspensionCategory: 'NonPayment' as const, suspensionContact: 'billing@example.com' };
  await prisma.tenant.create({ data: { tenantId, suspendedAt: new Date(), ...why } });
}

/** The programs of the versions that the places run and can be upgraded to. */
export async function addPrograms({ database: { prisma } }: ApiUnderTest): Promise<void> {
  const program = (version: string) => ({ version, platform: 'linux-amd64', sha256: '0'.repeat(64), sizeBytes: 1 });
  await prisma.consulArtifact.createMany({ data: ['1.8.7', '1.8.19'].map(program), skipDuplicates: true });
}

/** Good tokens of those who have no role at the place, by who they are. */
export async function outsidersOf(api: ApiUnderTest, { owner }: AccessPlace): Promise<Record<string, Person>> {
  const stranger = await api.newPerson();
  await api.newInstallation(stranger);
  const [tenantId, objectId] = [api.issuer.addTenant(), owner.objectId];
  return {
    'a colleague without a role': await api.newPerson(owner.tenantId),
    'an owner in another tenant': stranger,
    "the owner's object id in another tenant": { tenantId, objectId, token: await api.issuer.sign({ tenantId, objectId }) },
  };
}

/** Those who belong to no tenant as far as their tokens tell: there is none, or it is not good. */
export async function tenantlessOf(
  { issuer }: ApiUnderTest,
  { owner }: AccessPlace,
): Promise<Record<string, Person | undefined>> {
  const { tenantId, objectId } = owner;
  return {
    'no token': undefined,
    'what is no token': { ...owner, token: 'not-a-token' },
    "a token for the operators' API": {
      ...owner,
      token: await issuer.sign({ tenantId, objectId, audience: 'api://managed-consul-admin' }),
    },
    'a token that is over': { ...owner, token: await issuer.sign({ tenantId, objectId, expiresIn: -3600 }) },
  };
}

/** How much there is of all that a request could have added. */
export async function countRecords({ database: { prisma } }: ApiUnderTest): Promise<number[]> {
  return Promise.all([
    prisma.operation.count(),
    prisma.cluster.count(),
    prisma.installation.count(),
    prisma.snapshot.count({ where: { state: 'VERIFIED' } }),
    prisma.rootToken.count(),
    prisma.auditEvent.count(),
  ]);
}
