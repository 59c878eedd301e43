import { createHash } from 'node:crypto';
import { ArmError } from '../arm/arm-error';
import type { Platform } from '../arm/resource-provider';
import { tryParseResourceId, type ResourceId } from '../arm/resource-id';
import { expandTemplate, type ExpandedTemplate } from '../template-language/expanded-template';
import type { DeploymentFacts } from '../template-language/evaluation-scope';
import type { JsonObject } from '../template-language/json-value';
import type { ExpandedResource } from '../template-language/resource-expansion';
import { ExpressionError, TemplateError } from '../template-language/template-error';
import type { DeploymentRequest } from './deployment-request';

type Surroundings = Pick<Platform, 'resources' | 'resourceGroups' | 'tenants' | 'endpoint' | 'clock'>;

/** What `environment()` answers: the emulator in the place of Azure's public cloud. */
const environmentOf = (endpoint: string): JsonObject => ({
  name: 'AzureCloud',
  resourceManager: endpoint,
  portal: endpoint,
  authentication: {
    loginEndpoint: `${endpoint}/`,
    audiences: [endpoint, 'https://management.core.windows.net/'],
    tenant: 'common',
  },
  suffixes: { storage: 'core.windows.net', keyvaultDns: '.vault.azure.net', acrLoginServer: '.azurecr.io' },
});

function factsOf(id: ResourceId, request: DeploymentRequest, platform: Surroundings): DeploymentFacts {
  const subscriptionId = id.subscriptionId ?? '';
  const tenantId = platform.tenants.ofSubscription(subscriptionId);
  const group = platform.resourceGroups.find(subscriptionId, id.resourceGroup ?? '');
  if (!group) throw new ArmError(404, 'ResourceGroupNotFound', `Resource group '${id.resourceGroup}' could not be found.`);
  return {
    subscriptionId,
    tenantId,
    subscription: { id: `/subscriptions/${subscriptionId}`, subscriptionId, tenantId },
    resourceGroupName: group.name,
    resourceGroup: {
      id: group.id,
      name: group.name,
      type: 'Microsoft.Resources/resourceGroups',
      location: group.location,
      tags: { ...group.tags },
      ...(group.managedBy === undefined ? {} : { managedBy: group.managedBy }),
      properties: { provisioningState: 'Succeeded' },
    },
    deployment: {
      name: id.name,
      properties: { template: request.template, mode: request.mode, provisioningState: 'Accepted' },
    },
    environment: environmentOf(platform.endpoint()),
  };
}

/** A mistake of the template's author, as Resource Manager answers it. */
export function toDeploymentError(error: unknown): unknown {
  if (error instanceof TemplateError) return new ArmError(400, error.code, error.message);
  if (error instanceof ExpressionError) return new ArmError(400, 'InvalidTemplate', error.message);
  return error;
}

/** Throws for a resource whose type the emulator does not have: a type is never skipped. */
function refuseUnknownType(resource: ExpandedResource, { resources }: Surroundings): void {
  const id = tryParseResourceId(resource.id);
  if (id && resources.findType(id.fullType)) return;
  const [namespace] = resource.type.split('/');
  throw new ArmError(
    400,
    'InvalidTemplateDeployment',
    `The template deployment is not valid: the resource '${resource.id}' has the type '${id?.fullType ?? resource.type}', which is not available.`,
    {
      details: [
        {
          code: 'InvalidResourceType',
          message: `The resource type '${id?.type ?? resource.type}' could not be found in the namespace '${namespace}' for api version '${resource.apiVersion}'.`,
          target: resource.id,
        },
      ],
    },
  );
}

/**
 * Makes a deployment's template ready: everything that can be checked before a resource is made is checked. Throws
 * `ArmError` 400 with `InvalidTemplate` or `InvalidTemplateDeployment`.
 */
export function prepareTemplate(
  id: ResourceId,
  request: DeploymentRequest,
  platform: Surroundings,
  options: { now?: Date; maskSecure?: boolean } = {},
): ExpandedTemplate {
  try {
    const expanded = expandTemplate({
      template: request.template,
      parameters: request.parameters,
      facts: factsOf(id, request, platform),
      now: options.now ?? platform.clock.now(),
      maskSecure: options.maskSecure ?? false,
    });
    for (const resource of expanded.resources) refuseUnknownType(resource, platform);
    return expanded;
  } catch (error) {
    throw toDeploymentError(error);
  }
}

/** The hash by which two templates are told apart. */
export const templateHash = (template: JsonObject): string =>
  BigInt(`0x${createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 16)}`).toString();

/** `providers` and `dependencies` of a deployment's properties. */
export function describeResources({ resources, dependencies }: ExpandedTemplate): JsonObject {
  const target = (resource: ExpandedResource): JsonObject => ({
    id: resource.id,
    resourceType: resource.type,
    resourceName: resource.name,
  });
  const byNamespace = new Map<string, Set<string>>();
  for (const { type } of resources) {
    const [namespace = '', ...types] = type.split('/');
    byNamespace.set(namespace, (byNamespace.get(namespace) ?? new Set()).add(types.join('/')));
  }
  return {
    providers: [...byNamespace].map(([namespace, types]) => ({
      namespace,
      resourceTypes: [...types].map((resourceType) => ({ resourceType, locations: [null] })),
    })),
    dependencies: resources.flatMap((resource) => {
      const needed = resources.filter(({ key }) => dependencies.get(resource.key)?.has(key));
      return needed.length === 0 ? [] : [{ dependsOn: needed.map(target), ...target(resource) }];
    }),
  };
}
