import { ApplicationClient } from '@azure/arm-managedapplications';
import type { AzureConnection } from './connection';
import { findInAzure } from './errors';
import { parseResourceId } from './names';

/** A managed application: a customer's order for the service, placed through Azure. */
export interface ApplicationFacts {
  /** ARM id, in lower case. */
  id: string;
  /** The same as Azure writes it. */
  idAsWritten: string;
  name: string;
  kind: string;
  region: string;
  subscriptionId: string;
  managedResourceGroup: string;
  definitionId: string | undefined;
  provisioningState: string;
  /** What the customer chose, by parameter; the values are as they came. */
  parameters: Readonly<Record<string, unknown>>;
  plan: { publisher: string; product: string; name: string; version: string } | undefined;
  /** Who placed the order. */
  createdByObjectId: string | undefined;
  /** What Marketplace metering knows the application by. */
  billingResourceUsageId: string | undefined;
}

/** Brings an application id into the one form that it is compared and stored in. Azure's own samples lack the first slash. */
export const normaliseApplicationId = (id: string): string => `/${id.replace(/^\/+/, '')}`.toLowerCase();

const parameterValues = (parameters: Record<string, unknown> | undefined): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(parameters ?? {}).map(([name, parameter]) => [name, (parameter as { value?: unknown } | null)?.value]),
  );

const lastSegment = (id: string | undefined): string => id?.split('/').pop() ?? '';

/** Managed applications, in whichever subscription their id says. */
export class ManagedApplications {
  readonly #connection: AzureConnection;

  constructor(connection: AzureConnection) {
    this.#connection = connection;
  }

  /** Undefined when there is no such application, or the id is not one. */
  async find(applicationId: string): Promise<ApplicationFacts | undefined> {
    const id = normaliseApplicationId(applicationId);
    const place = parseResourceId(id);
    if (place?.type !== 'microsoft.solutions/applications') return undefined;
    const client = new ApplicationClient(this.#connection.credential, place.subscriptionId, {
      ...this.#connection.options,
      $host: this.#connection.endpoint,
    });
    const found = await findInAzure(`read the managed application ${id}`, () =>
      client.applications.get(place.resourceGroup, place.name),
    );
    // This client takes a 404 for an answer: what it then gives has no id.
    if (found?.id === undefined) return undefined;
    return {
      id,
      idAsWritten: found.id,
      name: found.name ?? place.name,
      kind: found.kind,
      region: found.location ?? '',
      subscriptionId: place.subscriptionId,
      managedResourceGroup: lastSegment(found.managedResourceGroupId),
      definitionId: found.applicationDefinitionId,
      provisioningState: found.provisioningState ?? 'Succeeded',
      parameters: parameterValues(found.parameters),
      plan: found.plan && {
        publisher: found.plan.publisher,
        product: found.plan.product,
        name: found.plan.name,
        version: found.plan.version,
      },
      createdByObjectId: found.createdBy?.oid,
      billingResourceUsageId: found.billingDetails?.resourceUsageId,
    };
  }
}
