import {
  assignmentsOf,
  nameOf,
  recordAudit,
  requireAdmission,
  requireRole,
  strongestRole,
  visibleTo,
  type Caller,
  type Requester,
} from '@managed-consul/access';
import { systemClock, type Clock } from '@managed-consul/config';
import type { Database, Installation, Transaction } from '@managed-consul/database';
import { AppError, type ErrorDetail } from '@managed-consul/errors';
import { requestOperation, type Operation } from '@managed-consul/operations';
import { installationSubject, OPERATION_KINDS, type RegisterInstallationInput } from './cluster-names';
import type { ListPosition } from './cluster-reads';
import { refusalOf } from './create-cluster.problems';

/** The installation, if the caller has a role on it. Throws ResourceNotFound. */
export async function getInstallation(database: Database, caller: Caller, installationId: string): Promise<Installation> {
  const row = await database.prisma.installation.findUnique({
    where: { id: installationId, state: { not: 'Deleted' } },
    include: { roleAssignments: { where: assignmentsOf(caller) } },
  });
  requireRole(strongestRole(row?.roleAssignments.map(({ role }) => role) ?? []), 'Reader', `installation ${installationId}`);
  if (!row) throw new Error('An installation that is not there was allowed.');
  const { roleAssignments: _assignments, ...installation } = row;
  return installation;
}

/** The installations that the caller has a role on, the newest first. */
export async function listInstallations(
  database: Database,
  caller: Caller,
  query: { after?: ListPosition | undefined; limit: number },
): Promise<Installation[]> {
  const { after } = query;
  return database.prisma.installation.findMany({
    where: {
      ...visibleTo(caller),
      ...(after ? { OR: [{ createdAt: { lt: after.createdAt } }, { createdAt: after.createdAt, id: { lt: after.id } }] } : {}),
    },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: query.limit,
  });
}

/** A resource group, which one installation holds at a time. */
interface Place {
  subscriptionId: string;
  resourceGroup: string;
}

/** The installation that holds a resource group, if the caller has a role on it. Throws ResourceNotFound. */
export async function findInstallationAt(database: Database, caller: Caller, place: Place): Promise<Installation> {
  const { subscriptionId, resourceGroup } = place;
  const row = await database.prisma.installation.findFirst({
    where: { ...visibleTo(caller), ...inPlace({ subscriptionId, resourceGroup }), state: { notIn: ['Failed', 'Deleted'] } },
  });
  if (row) return row;
  throw new AppError('ResourceNotFound', `There is no installation in resource group ${resourceGroup} that you may see.`);
}

/** A resource group that somebody wants to run clusters in. */
export interface RegisterInstallationWish extends Place {
  requester: Requester;
  region: string;
  plan?: string | undefined;
  shapeProblems?: readonly ErrorDetail[];
}

const DEFAULT_PLAN = 'on-demand';

async function findPlaceProblems(tx: Transaction, wish: RegisterInstallationWish): Promise<ErrorDetail[]> {
  const [region, plan] = await Promise.all([
    tx.region.findUnique({ where: { name: wish.region.toLowerCase() } }),
    tx.plan.findUnique({ where: { id: wish.plan ?? DEFAULT_PLAN } }),
  ]);
  const problems: ErrorDetail[] = [];
  const add = (code: string, target: string, message: string) => problems.push({ code, target, message });
  if (!region) add('UnknownRegion', 'region', `There is no Azure region '${wish.region}'. GET /v1/regions lists them.`);
  if (region && !region.open)
    add('RegionClosed', 'region', `Region ${region.name} takes no new clusters. Choose an open one from GET /v1/regions.`);
  if (!plan) add('UnknownPlan', 'plan', `There is no plan '${wish.plan ?? DEFAULT_PLAN}'. GET /v1/plans lists them.`);
  if (plan && !plan.open) add('PlanClosed', 'plan', 'This plan takes no new clusters. Choose an open one from GET /v1/plans.');
  return problems;
}

/** Azure compares names without regard to case. */
const inPlace = ({ subscriptionId, resourceGroup }: Place) => ({
  subscriptionId: { equals: subscriptionId, mode: 'insensitive' as const },
  resourceGroup: { equals: resourceGroup, mode: 'insensitive' as const },
});

/** Until the transaction ends, nobody else decides whose the resource group is. */
async function lockPlace(tx: Transaction, { subscriptionId, resourceGroup }: Place): Promise<void> {
  const place = `${subscriptionId}/${resourceGroup}`.toLowerCase();
  await tx.$queryRaw`SELECT pg_advisory_xact_lock(hashtextextended(${place}, 0))::text`;
}

/**
 * Takes the resource group for a managed application that Azure names as its owner, in the transaction that records the
 * installation: a direct registration that has not proved anything becomes Failed. One that is Ready stays.
 */
export async function takePlaceForApplication(tx: Transaction, place: Place): Promise<void> {
  await lockPlace(tx, place);
  const failureMessage = `Azure says that the resource group ${place.resourceGroup} belongs to a managed application. Use another group.`;
  await tx.installation.updateMany({
    where: { ...inPlace(place), kind: 'Direct', state: 'Registering' },
    data: { state: 'Failed', failureMessage },
  });
}

/**
 * Refuses unless the group is free. A registration that failed proved nothing about its owner, so it gives way: nobody can
 * keep others out of a resource group by asking for it first. What was deleted stays as history.
 */
async function clearPlace(tx: Transaction, place: Place): Promise<void> {
  await lockPlace(tx, place);
  await tx.installation.deleteMany({ where: { ...inPlace(place), kind: 'Direct', state: 'Failed', clusters: { none: {} } } });
  const holders = await tx.installation.count({ where: { ...inPlace(place), state: { notIn: ['Failed', 'Deleted'] } } });
  if (holders === 0) return;
  throw new AppError(
    'Conflict',
    'This resource group is registered already, or is being registered. Use another, or ask its owner for a role.',
    {
      target: 'resourceGroup',
    },
  );
}

/**
 * Records that a resource group shall become an installation, with the requester as its owner. It is not Ready before the
 * operation has proved with Azure that the group is the requester's. Throws InvalidRequest, Conflict, TenantSuspended and TenantDenied.
 */
export async function requestRegisterInstallation(
  tx: Transaction,
  wish: RegisterInstallationWish,
  clock: Clock = systemClock,
): Promise<{ installation: Installation; operation: Operation }> {
  const { requester } = wish;
  await requireAdmission(tx, requester.tenantId);
  const problems = [...(wish.shapeProblems ?? []), ...(await findPlaceProblems(tx, wish))];
  if (problems.length > 0) throw refusalOf(problems, 'The installation cannot be registered as asked');
  await clearPlace(tx, wish);
  const { tenantId, objectId } = requester;
  const installation = await tx.installation.create({
    data: {
      kind: 'Direct',
      tenantId,
      subscriptionId: wish.subscriptionId.toLowerCase(),
      resourceGroup: wish.resourceGroup,
      region: wish.region.toLowerCase(),
      planId: wish.plan ?? DEFAULT_PLAN,
      roleAssignments: { create: { tenantId, principalId: objectId, role: 'Owner' } },
    },
  });
  const input: RegisterInstallationInput = { from: 'request', installationId: installation.id, owner: { tenantId, objectId } };
  const operation = await requestOperation(
    tx,
    {
      kind: OPERATION_KINDS.registerInstallation,
      subject: installationSubject(installation.id),
      installationId: installation.id,
      lane: 'Change',
      input,
      requestedBy: nameOf(requester),
      correlationId: requester.correlationId,
    },
    clock,
  );
  const { subscriptionId, resourceGroup } = installation;
  await recordAudit(tx, requester, {
    action: operation.kind,
    installationId: installation.id,
    operationId: operation.id,
    detail: { subscriptionId, resourceGroup },
  });
  return { installation, operation };
}
