import { randomUUID } from 'node:crypto';
import { ArmError, toArmError } from '../arm/arm-error';
import { asJsonObject, textOf, type JsonObject } from '../arm/json';
import type { Principal } from '../arm/principal';
import { sameId } from '../arm/resource-id';
import type { Platform } from '../arm/resource-provider';
import type { StoredResource } from '../arm/resource';
import type { ActionRequest, ActionWork, ResourceDraft, ResourceType, ResourceWork, ResourceWrite } from '../arm/resource-type';
import { ApplicationAccess } from './application-access';
import type { ApplicationDefinitions, Definition, Plan } from './application-definitions';
import { ApplicationDeployment } from './application-deployment';
import { readApplication, secureParameters } from './application-request';
import { listTokens } from './application-tokens';
import type { NotificationQueue } from './notification-queue';
import { API_VERSIONS, NAMESPACE } from './versions';

/** The Azure portal's application id: what `createdBy` names when a person signed in. */
const PORTAL_APPLICATION = 'c44b4083-3bb0-49c1-b47d-974e53cbdf3c';

const SHOWN_STATES: Readonly<Record<string, string>> = { Creating: 'Running' };

const clientDetails = ({ objectId, applicationId, type }: Principal): JsonObject => ({
  oid: objectId,
  applicationId: applicationId ?? PORTAL_APPLICATION,
  ...(type === 'User'
    ? { puid: `1003${Number.parseInt(objectId.slice(0, 8), 16).toString(16).toUpperCase().padStart(12, '0')}` }
    : {}),
});

/** A managed application: the order of a customer, the resource group it lives in, and what its publisher is told. */
export class Applications implements ResourceType {
  readonly namespace = NAMESPACE;
  readonly type = 'applications';
  readonly apiVersions = API_VERSIONS;
  readonly longRunning = true;
  readonly actions;
  private readonly access: ApplicationAccess;
  private readonly deployment: ApplicationDeployment;

  constructor(
    private readonly platform: Platform,
    private readonly definitions: ApplicationDefinitions,
    private readonly notifications: NotificationQueue,
  ) {
    this.access = new ApplicationAccess(platform);
    this.deployment = new ApplicationDeployment(platform);
    this.actions = {
      listTokens: {
        kind: 'immediate',
        run: async ({ resource, body, query }: ActionRequest) => ({
          status: 200,
          body: await listTokens(resource, body, query.get('api-version') ?? '', platform.tokens),
        }),
      },
      refreshPermissions: { kind: 'longRunning', perform: (work: ActionWork) => this.refreshPermissions(work) },
      listAllowedUpgradePlans: {
        kind: 'immediate',
        run: ({ resource }: ActionRequest) => ({
          status: 200,
          body: { value: resource?.plan ? definitions.plansOf(resource.plan as unknown as Plan) : [] },
        }),
      },
    } as const;
  }

  async validate({ id, body, existing }: ResourceWrite): Promise<void> {
    const { kind, definitionId, plan, managedGroup } = readApplication(id, body);
    await this.definitions.require(kind, definitionId, plan);
    if (existing) {
      if (sameId(textOf(existing.properties['managedResourceGroupId']), managedGroup.id)) return;
      throw new ArmError(
        400,
        'ApplicationManagedResourceGroupCannotBeChanged',
        `The managed resource group of application '${id.name}' cannot be changed.`,
      );
    }
    const group = this.platform.resourceGroups.find(managedGroup.subscriptionId, managedGroup.name);
    if (!group) return;
    throw new ArmError(
      409,
      'ManagedResourceGroupAlreadyExists',
      `The managed resource group '${managedGroup.id}' already exists: name one that does not.`,
    );
  }

  async draft({ id, body, existing, caller, method }: ResourceWrite): Promise<ResourceDraft> {
    const { kind, definitionId, plan, managedGroup, parameters } = readApplication(id, body);
    const definition = await this.definitions.require(kind, definitionId, plan);
    const secure = secureParameters(definition.mainTemplate);
    const given = method === 'PATCH' ? asJsonObject(existing?.hidden['parameters']) : parameters;
    const shown = Object.entries(given).map(([name, value]) => [name, secure.get(name.toLowerCase()) ?? value]);
    return {
      properties: {
        managedResourceGroupId: managedGroup.id,
        ...(kind === 'ServiceCatalog' ? { applicationDefinitionId: definition.id } : {}),
        parameters: Object.fromEntries(shown),
        publisherTenantId: this.platform.tenants.ofSubscription(definition.id.split('/')[2] ?? ''),
        authorizations: definition.authorizations,
        managementMode: 'Managed',
        createdBy: existing?.properties['createdBy'] ?? clientDetails(caller),
        updatedBy: clientDetails(caller),
        ...keep(existing, ['billingDetails', 'outputs']),
        ...keepSent(body.properties, ['jitAccessPolicy']),
      },
      hidden: { definitionId: definition.id, parameters: given, method },
    };
  }

  async provision(work: ResourceWork): Promise<void> {
    const { resource } = work;
    const definition = await this.definitionOf(resource);
    if (resource.hidden['method'] === 'PATCH') {
      this.notify(work, definition, 'PATCH', 'Succeeded', { afterOperation: work.operationId });
      return;
    }
    const group = groupOf(resource);
    try {
      this.platform.resourceGroups.put(group.subscriptionId, group.name, {
        location: resource.location ?? '',
        managedBy: resource.id,
      });
      await this.access.apply(resource.id, group.id, definition);
      if (resource.hidden['announced'] !== work.operationId) {
        this.notify(work, definition, 'PUT', 'Accepted', {});
        await work.update({ hidden: { announced: work.operationId } });
      }
      const outputs = await this.deployment.run(work, group.id, definition);
      const known = resource.properties['billingDetails'];
      const billingDetails = known ?? { resourceUsageId: randomUUID() };
      const updated = await work.update({ properties: { outputs, billingDetails } });
      this.notify({ ...work, resource: updated }, definition, 'PUT', 'Succeeded', { afterOperation: work.operationId });
    } catch (error) {
      // An aborted operation either goes on at the next start or is overtaken by a deletion, which tells its own story.
      if (!work.signal.aborted) {
        this.notify(work, definition, 'PUT', 'Failed', { afterOperation: work.operationId, error });
      }
      throw error;
    }
  }

  async deprovision(work: ResourceWork): Promise<void> {
    const definition = await this.definitionOf(work.resource).catch(() => undefined);
    const group = groupOf(work.resource);
    if (work.resource.hidden['announced'] !== work.operationId) {
      this.notify(work, definition, 'DELETE', 'Deleting', {});
      await work.update({ hidden: { announced: work.operationId } });
    }
    try {
      const managed = this.platform.resourceGroups.find(group.subscriptionId, group.name);
      if (managed?.managedBy !== undefined && sameId(managed.managedBy, work.resource.id)) {
        await this.platform.resourceGroups.delete(group.subscriptionId, group.name, work.signal);
      }
      this.access.remove(work.resource.id, group.id);
      this.notify(work, definition, 'DELETE', 'Deleted', { afterOperation: work.operationId });
    } catch (error) {
      if (!work.signal.aborted) this.notify(work, definition, 'DELETE', 'Failed', { afterOperation: work.operationId, error });
      throw error;
    }
  }

  present(resource: StoredResource): JsonObject {
    const { hidden: _hidden, etag: _etag, ...shown } = resource;
    const state = textOf(shown.properties['provisioningState'], 'Succeeded');
    return { ...shown, properties: { ...shown.properties, provisioningState: SHOWN_STATES[state] ?? state } };
  }

  private async refreshPermissions({ resource }: ActionWork): Promise<undefined> {
    const definition = await this.definitionOf(resource);
    await this.access.apply(resource.id, groupOf(resource).id, definition);
    return undefined;
  }

  private definitionOf({ hidden, kind, plan }: StoredResource): Promise<Definition> {
    return this.definitions.require(kind ?? '', textOf(hidden['definitionId']), plan as unknown as Plan | undefined);
  }

  private notify(
    { resource, operationId }: Pick<ResourceWork, 'resource' | 'operationId'>,
    definition: Definition | undefined,
    eventType: 'PUT' | 'PATCH' | 'DELETE',
    provisioningState: string,
    { afterOperation = '', error }: { afterOperation?: string; error?: unknown },
  ): void {
    const isFinal = afterOperation !== '';
    const isMarketplace = resource.kind === 'MarketPlace';
    const billing = provisioningState === 'Succeeded' ? resource.properties['billingDetails'] : undefined;
    this.notifications.add(
      resource.id,
      definition?.notificationUri,
      `${operationId}/${isFinal ? 'end' : 'start'}`,
      afterOperation,
      {
        eventType,
        applicationId: resource.id,
        eventTime: this.platform.clock.now().toISOString(),
        provisioningState,
        ...(isMarketplace ? { plan: resource.plan } : { applicationDefinitionId: resource.hidden['definitionId'] }),
        ...(isMarketplace && billing !== undefined ? { billingDetails: billing } : {}),
        ...(error === undefined ? {} : { error: toArmError(error).toErrorObject() }),
      },
    );
  }
}

const keep = (existing: StoredResource | undefined, names: readonly string[]): JsonObject =>
  Object.fromEntries(
    names.flatMap((name) => (existing?.properties[name] === undefined ? [] : [[name, existing.properties[name]]])),
  );

const keepSent = (properties: JsonObject, names: readonly string[]): JsonObject =>
  Object.fromEntries(names.flatMap((name) => (properties[name] === undefined ? [] : [[name, properties[name]]])));

/** The managed resource group of a stored application. */
export function groupOf({ properties }: Pick<StoredResource, 'properties'>): {
  id: string;
  subscriptionId: string;
  name: string;
} {
  const id = textOf(properties['managedResourceGroupId']);
  const [, , subscriptionId = '', , name = ''] = id.split('/');
  return { id, subscriptionId, name };
}
