import { z } from 'zod';
import { ArmError } from '../arm/arm-error';
import { asJsonObject, textOf, type JsonObject } from '../arm/json';
import type { ResourceId } from '../arm/resource-id';
import type { ResourceBody } from '../arm/resource';
import type { Plan } from './application-definitions';

const plan = z.looseObject({
  publisher: z.string().min(1),
  product: z.string().min(1),
  name: z.string().min(1),
  version: z.string().min(1),
});

/** What is asked for when an application is made or changed. */
export interface ApplicationRequest {
  readonly kind: 'ServiceCatalog' | 'MarketPlace';
  readonly definitionId: string | undefined;
  readonly plan: Plan | undefined;
  readonly managedGroup: { readonly id: string; readonly subscriptionId: string; readonly name: string };
  /** `{ name: { value } }` */
  readonly parameters: JsonObject;
}

const invalid = (code: string, message: string): ArmError => new ArmError(400, code, message);

function readGroup(id: ResourceId, value: unknown): ApplicationRequest['managedGroup'] {
  const wanted = textOf(value);
  const found = /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/?$/i.exec(wanted);
  const [, subscriptionId = '', name = ''] = found ?? [];
  if (!found || !/^[-\w._()]{0,89}[-\w_()]$/.test(name)) {
    throw invalid(
      'InvalidManagedResourceGroupId',
      `The managed resource group id '${wanted}' is not the id of a resource group.`,
    );
  }
  if (subscriptionId.toLowerCase() !== id.subscriptionId?.toLowerCase()) {
    throw invalid(
      'ApplicationManagedResourceGroupSubscriptionMismatch',
      `The managed resource group must be in the application's subscription '${id.subscriptionId}'.`,
    );
  }
  if (name.toLowerCase() === id.resourceGroup?.toLowerCase()) {
    throw invalid('InvalidManagedResourceGroupId', 'An application cannot live in its own managed resource group.');
  }
  return { id: `/subscriptions/${subscriptionId}/resourceGroups/${name}`, subscriptionId, name };
}

/** Reads the body of an application. Throws `ArmError` 400. */
export function readApplication(id: ResourceId, body: ResourceBody): ApplicationRequest {
  if (!/^[a-zA-Z0-9_-]{3,64}$/.test(id.name)) {
    throw invalid(
      'InvalidApplicationName',
      `The application name '${id.name}' is invalid: 3 to 64 letters, digits, '-' and '_'.`,
    );
  }
  const kind = body.kind?.toLowerCase() === 'marketplace' ? 'MarketPlace' : 'ServiceCatalog';
  if (body.kind?.toLowerCase() !== kind.toLowerCase()) {
    throw invalid(
      'InvalidApplicationKind',
      `The kind '${body.kind ?? ''}' is invalid: it must be 'ServiceCatalog' or 'MarketPlace'.`,
    );
  }
  const definitionId = textOf(body.properties['applicationDefinitionId']) || undefined;
  if (kind === 'ServiceCatalog' && definitionId === undefined) {
    throw invalid(
      'ApplicationDefinitionIdRequired',
      `The property 'applicationDefinitionId' is required for the kind 'ServiceCatalog'.`,
    );
  }
  const read = plan.safeParse(body.plan);
  if (kind === 'MarketPlace' && !read.success) {
    throw invalid('PlanRequired', `A 'plan' with publisher, product, name and version is required for the kind 'MarketPlace'.`);
  }
  return {
    kind,
    definitionId,
    plan: read.data,
    managedGroup: readGroup(id, body.properties['managedResourceGroupId']),
    parameters: asJsonObject(body.properties['parameters']),
  };
}

/** How the secure parameters of a template are shown, by lower-case name: their type alone. */
export function secureParameters(template: JsonObject): Map<string, JsonObject> {
  const declared = Object.entries(asJsonObject(template['parameters']));
  return new Map(
    declared.flatMap(([name, declaration]) => {
      const type = textOf(asJsonObject(declaration)['type']).toLowerCase();
      if (type !== 'securestring' && type !== 'secureobject') return [];
      return [[name.toLowerCase(), { type: type === 'securestring' ? 'SecureString' : 'SecureObject' }] as const];
    }),
  );
}
