import { requireAdmission, type Requester } from '@managed-consul/access';
import { INSTALLATION_TAG, OWNER_TAG, resourceGroupId, type ApplicationFacts } from '@managed-consul/azure';
import {
  OPERATION_KINDS,
  requestCreateCluster,
  takePlaceForApplication,
  type CreateClusterOutcome,
} from '@managed-consul/clusters';
import type { Installation, Transaction } from '@managed-consul/database';
import { AppError, TerminalError } from '@managed-consul/errors';
import { requestSecondaryCluster } from '@managed-consul/federation';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { azureLook } from '../shared-steps/delays';
import { orderOfApplication, type ApplicationOrder } from './application-draft';
import { inputOf, readApplication } from './registration-input';

/** Done when Azure has set the application up; a resource group that was granted directly is there already. */
export async function placeIsProvisioned(step: Step) {
  const input = inputOf(step);
  if (input.from === 'request') return done();
  const { provisioningState } = await readApplication(step, input.applicationId);
  if (provisioningState === 'Succeeded') return done();
  if (provisioningState === 'Failed' || provisioningState === 'Canceled') {
    throw new TerminalError(
      'ApplicationFailed',
      'Azure could not set up the managed application. Delete it and install it again.',
    );
  }
  const since = (step.operation.startedAt ?? step.operation.createdAt).toISOString();
  return waitFor('Azure is setting up the managed application', azureLook(since, step.clock.now()));
}

const refuse = (code: string, sentence: string): TerminalError => new TerminalError(code, sentence);

/** The managed resource group must say that it belongs to the application, or else anyone could name anyone's group. */
async function confirmApplicationOwnsGroup(
  { azure }: Step,
  { id, subscriptionId, managedResourceGroup }: ApplicationFacts,
): Promise<void> {
  const group = await azure.inSubscription(subscriptionId).resourceGroups.find(managedResourceGroup);
  if (group?.managedBy === id) return;
  throw refuse(
    'ResourceGroupNotManaged',
    `Azure does not say that the resource group ${managedResourceGroup} is managed by the application.`,
  );
}

/** Only who may write to a group can tag it: the tag with the caller's object id is the proof that the group is the caller's. */
async function confirmOwnerTaggedGroup(
  { azure }: Step,
  { tenantId, subscriptionId, resourceGroup, id }: Installation,
  owner: string,
): Promise<void> {
  const subscription = await azure.subscriptions.find(subscriptionId);
  if (subscription?.tenantId.toLowerCase() !== tenantId.toLowerCase()) {
    throw refuse(
      'SubscriptionNotFound',
      'The subscription does not exist in your tenant, or the service has no role in it. Give the service a role on the resource group.',
    );
  }
  const group = await azure.inSubscription(subscriptionId).resourceGroups.find(resourceGroup);
  if (!group)
    throw refuse(
      'ResourceGroupNotFound',
      `There is no resource group ${resourceGroup} that the service may see. Give the service a role on it.`,
    );
  if (group.tags[OWNER_TAG]?.toLowerCase() !== owner.toLowerCase()) {
    throw refuse(
      'OwnershipNotProved',
      `Put the tag ${OWNER_TAG} with the value ${owner} on the resource group ${resourceGroup}, then register it again.`,
    );
  }
  const mark = group.tags[INSTALLATION_TAG];
  if (mark !== undefined && mark !== id) {
    throw refuse(
      'ResourceGroupTaken',
      `The resource group carries the tag ${INSTALLATION_TAG} of another installation. Remove the tag, or use another group.`,
    );
  }
}

const readInstallation = async ({ database }: Step, id: string): Promise<Installation> => {
  const found = await database.prisma.installation.findUnique({ where: { id } });
  if (found) return found;
  throw refuse('ResourceNotFound', 'The installation does not exist any more. Register it again.');
};

/** Azure, not the message, says whose the place is. */
export async function confirmPlaceIsGranted(step: Step) {
  const input = inputOf(step);
  if (input.from === 'notification') await confirmApplicationOwnsGroup(step, await readApplication(step, input.applicationId));
  else await confirmOwnerTaggedGroup(step, await readInstallation(step, input.installationId), input.owner.objectId);
  return done();
}

/** Writes the installation's tag on a granted group: what delete goes by, and the proof that the service may write there. */
export async function markPlace(step: Step) {
  const input = inputOf(step);
  if (input.from === 'notification') return done();
  const { id, subscriptionId, resourceGroup } = await readInstallation(step, input.installationId);
  const { resourceGroups } = step.azure.inSubscription(subscriptionId);
  await resourceGroups.addTags(resourceGroupId(subscriptionId, resourceGroup), { [INSTALLATION_TAG]: id }, step.signal);
  return done();
}

const DEFAULT_PLAN = 'on-demand';

async function storeApplication(tx: Transaction, application: ApplicationFacts, tenantId: string): Promise<string> {
  const {
    id: applicationId,
    idAsWritten: applicationIdAsWritten,
    managedResourceGroup: resourceGroup,
    region,
    definitionId,
    plan,
    billingResourceUsageId,
    createdByObjectId,
  } = application;
  const known = plan && (await tx.plan.findUnique({ where: { id: plan.name } }));
  const facts = {
    state: 'Ready' as const,
    usageClosedAt: null,
    tenantId,
    region,
    resourceGroup,
    failureMessage: null,
    applicationIdAsWritten,
    applicationDefinitionId: definitionId ?? null,
    billingResourceUsageId: billingResourceUsageId ?? null,
    planId: known?.id ?? DEFAULT_PLAN,
  };
  const { subscriptionId } = application;
  await takePlaceForApplication(tx, { subscriptionId, resourceGroup });
  const place = { kind: 'ManagedApplication' as const, subscriptionId };
  const { id } = await tx.installation.upsert({
    where: { applicationId },
    create: { applicationId, ...place, ...facts },
    update: facts,
  });
  if (createdByObjectId) {
    const who = { installationId: id, tenantId, principalId: createdByObjectId };
    const where = { installationId_tenantId_principalId: who };
    await tx.roleAssignment.upsert({ where, create: { ...who, role: 'Owner' }, update: { role: 'Owner' } });
  }
  return id;
}

/** A registration that a managed application has put out of its place meanwhile cannot come back. */
async function storeGrantedGroup(tx: Transaction, id: string): Promise<void> {
  const { count } = await tx.installation.updateMany({
    where: { id, state: { in: ['Registering', 'Ready'] } },
    data: { state: 'Ready', failureMessage: null },
  });
  if (count === 0) throw refuse('ResourceGroupTaken', 'The resource group belongs to another installation. Use another group.');
}

/** Time has passed since the request, and Azure has only now told whose tenant it is. */
async function confirmTenantIsAdmitted({ database }: Step, tenantId: string): Promise<void> {
  try {
    await requireAdmission(database.prisma, tenantId);
  } catch (error) {
    throw error instanceof AppError ? new TerminalError(error.code, error.publicMessage, error) : error;
  }
}

/** `isNew` says whether a first cluster is still owed: not when an application that works is only changed. */
export async function recordInstallation(step: Step) {
  const { azure, database } = step;
  const input = inputOf(step);
  if (input.from === 'request') {
    const { tenantId } = await readInstallation(step, input.installationId);
    await confirmTenantIsAdmitted(step, tenantId);
    return done({ isNew: false }, (tx) => storeGrantedGroup(tx, input.installationId));
  }
  const application = await readApplication(step, input.applicationId);
  const subscription = await azure.subscriptions.find(application.subscriptionId);
  if (!subscription)
    throw refuse(
      'SubscriptionNotFound',
      'The subscription of the managed application does not exist, or the service may not see it.',
    );
  const present = await database.prisma.installation.findUnique({ where: { applicationId: application.id } });
  const isNew = present?.state !== 'Ready' || present.failureMessage !== null;
  // What works is let alone: a suspension and the deny list are about what is new.
  if (isNew) await confirmTenantIsAdmitted(step, subscription.tenantId);
  return done({ isNew }, async (tx) => {
    await storeApplication(tx, application, subscription.tenantId);
  });
}

/** An application is an order for one cluster, described by its parameters. Asked for through the same door as any other. */
export async function requestFirstCluster(step: Step) {
  const input = inputOf(step);
  const { database, bell, operation, outputOf } = step;
  if (input.from === 'request' || !outputOf(recordInstallation).isNew) return done();
  const application = await readApplication(step, input.applicationId);
  const installation = await database.prisma.installation.findUniqueOrThrow({ where: { applicationId: application.id } });
  if ((await database.prisma.cluster.count({ where: { installationId: installation.id, deletedAt: null } })) > 0) return done();
  if (!application.createdByObjectId)
    throw refuse('ApplicationIncomplete', 'Azure does not say who installed the managed application.');
  const requester = {
    tenantId: installation.tenantId,
    objectId: application.createdByObjectId,
    groupIds: [],
    correlationId: operation.correlationId ?? operation.id,
  };
  try {
    const { created } = await requestOrdered(step, requester, orderOfApplication(installation.id, application.parameters));
    if (created) await bell.ring(created.operation);
    return done({ clusterId: created?.cluster.id });
  } catch (error) {
    throw asRefusalOfParameters(error);
  }
}

function requestOrdered(step: Step, requester: Requester, order: ApplicationOrder): Promise<CreateClusterOutcome> {
  const { database, secrets, clock } = step;
  const { draft, federationToken, sourceChannel } = order;
  if (federationToken !== undefined) {
    return requestSecondaryCluster(database, secrets, { requester, draft, federationToken }, clock);
  }
  const work = { kind: OPERATION_KINDS.createCluster, input: { ...(sourceChannel === undefined ? {} : { sourceChannel }) } };
  return requestCreateCluster(database, { requester, draft, work }, clock);
}

/** What the rules for clusters refuse, no repetition will make acceptable. */
function asRefusalOfParameters(error: unknown): unknown {
  if (!(error instanceof AppError)) return error;
  // Not the parameters: the tenant was barred, or its quota used up, in the meantime.
  if (['TenantSuspended', 'TenantDenied', 'QuotaExceeded'].includes(error.code))
    return new TerminalError(error.code, error.publicMessage, error);
  const details = error.details.map(({ message }) => message).join(' ');
  return new TerminalError(
    error.code,
    `The parameters of the managed application do not describe a cluster. ${details || error.publicMessage}`,
    error,
  );
}
