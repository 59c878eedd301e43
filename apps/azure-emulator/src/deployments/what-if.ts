import { ArmError } from '../arm/arm-error';
import type { Principal } from '../arm/principal';
import { sameId, type ResourceId } from '../arm/resource-id';
import type { Platform } from '../arm/resource-provider';
import type { StoredResource } from '../arm/resource';
import type { ExpandedTemplate } from '../template-language/expanded-template';
import type { JsonObject, JsonValue } from '../template-language/json-value';
import type { ExpandedResource } from '../template-language/resource-expansion';
import { TemplateError } from '../template-language/template-error';
import type { DeploymentRequest } from './deployment-request';
import { prepareTemplate } from './deployment-template';
import { changesOf, type PropertyChange } from './property-changes';
import { readDeployedResources } from './runtime-values';

/** What a deployment would do to one resource. */
interface ResourceChange {
  resourceId: string;
  changeType: 'Create' | 'Modify' | 'NoChange' | 'Ignore' | 'Delete' | 'Unsupported';
  unsupportedReason?: string;
  before?: JsonValue;
  after?: JsonValue;
  delta?: PropertyChange[];
}

type Surroundings = Pick<Platform, 'resources' | 'resourceGroups' | 'tenants' | 'endpoint' | 'clock'>;

class WhatIf {
  constructor(
    private readonly platform: Surroundings,
    private readonly template: ExpandedTemplate,
    private readonly caller: Principal,
  ) {}

  async changeOf(resource: ExpandedResource): Promise<ResourceChange> {
    const existing = await this.platform.resources.get(resource.id);
    let body: JsonObject;
    try {
      body = await this.template.bodyOf(resource, readDeployedResources(this.platform.resources, this.caller));
    } catch (error) {
      return this.unknown(resource, existing, error);
    }
    const after = this.shown(resource, body);
    if (!existing) return { resourceId: resource.id, changeType: 'Create', after };
    const before = (await this.platform.resources.present(existing)) as JsonObject;
    const delta = changesOf(before, body);
    if (delta.length === 0) return { resourceId: existing.id, changeType: 'NoChange', before, after: before };
    return { resourceId: existing.id, changeType: 'Modify', before, after, delta };
  }

  /** A body may need a resource that the deployment has yet to make: then only whether this one is new is known. */
  private unknown(resource: ExpandedResource, existing: StoredResource | undefined, error: unknown): ResourceChange {
    if (!(error instanceof ArmError) && !(error instanceof TemplateError)) throw error;
    if (!existing) return { resourceId: resource.id, changeType: 'Create', after: this.shown(resource, {}) };
    return { resourceId: existing.id, changeType: 'Unsupported', unsupportedReason: error.message };
  }

  private shown(resource: ExpandedResource, body: JsonObject): JsonObject {
    return {
      id: resource.id,
      name: resource.name.split('/').at(-1) ?? '',
      type: resource.type,
      apiVersion: resource.apiVersion,
      ...body,
    };
  }
}

/** Resources of the group that the template does not mention: left alone, or deleted in complete mode. */
async function unmentioned(
  id: ResourceId,
  request: DeploymentRequest,
  template: ExpandedTemplate,
  platform: Surroundings,
): Promise<ResourceChange[]> {
  const wanted = template.resources.filter(({ condition }) => condition);
  const others = platform.resources
    .listByGroup(id.subscriptionId ?? '', id.resourceGroup ?? '')
    .filter(({ type }) => type.toLowerCase() !== 'microsoft.resources/deployments')
    .filter((resource) => !wanted.some((candidate) => sameId(candidate.id, resource.id)));
  return Promise.all(
    others.map(async (resource): Promise<ResourceChange> => {
      const before = (await platform.resources.present(resource)) as JsonObject;
      if (request.mode === 'Complete') return { resourceId: resource.id, changeType: 'Delete', before };
      return { resourceId: resource.id, changeType: 'Ignore', before, after: before };
    }),
  );
}

/**
 * Compares what a deployment would send with what is there; nothing is changed. Values of secure parameters are read as
 * asterisks, so that the answer holds no secret. Throws `ArmError` as the deployment itself would be refused.
 */
export async function answerWhatIf(
  id: ResourceId,
  request: DeploymentRequest,
  platform: Surroundings,
  caller: Principal,
): Promise<JsonObject> {
  const template = prepareTemplate(id, request, platform, { maskSecure: true });
  const whatIf = new WhatIf(platform, template, caller);
  const wanted = template.resources.filter(({ condition, existing }) => condition && !existing);
  const changes = await Promise.all(wanted.map((resource) => whatIf.changeOf(resource)));
  const others = await unmentioned(id, request, template, platform);
  return { status: 'Succeeded', properties: { changes: [...changes, ...others] as unknown as JsonValue } };
}
