import { textOf, asJsonObject } from '../arm/json';
import { type Principal } from '../arm/principal';
import { idKey } from '../arm/resource-id';
import { type StoredResource } from '../arm/resource';
import { type Seed } from '../seed/seed.schema';
import { UsageRefusal, type UsageRequest } from './usage-event';

/** Where applications are found: the emulator's resources. */
export interface StoredApplications {
  listByType(fullType: string, scope: string): readonly StoredResource[];
}

/** What usage is reported for. */
export interface MeteredResource {
  readonly resourceId: string;
  readonly resourceUri: string;
  readonly offerId: string;
  readonly planId: string;
  readonly subscriptionId: string;
}

const same = (left: string, right: string): boolean => left.toLowerCase() === right.toLowerCase();

const usageIdOf = ({ properties }: StoredResource): string =>
  textOf(asJsonObject(properties['billingDetails'])['resourceUsageId']);

/** Managed applications that were ordered from the Marketplace, and the dimensions of their plans. */
export class MeteredResources {
  readonly #applications: StoredApplications;
  readonly #definitions: Seed['applicationDefinitions'];

  constructor(applications: StoredApplications, definitions: Seed['applicationDefinitions']) {
    this.#applications = applications;
    this.#definitions = definitions;
  }

  /** By the GUID that an application is billed by. */
  find(resourceId: string): MeteredResource | undefined {
    const found = this.#all().find((one) => usageIdOf(one) !== '' && same(usageIdOf(one), resourceId));
    return found && describe(found);
  }

  /** The application that usage is for. Throws `UsageRefusal`. */
  require(request: UsageRequest, caller: Principal): MeteredResource {
    const { resourceId, resourceUri } = request;
    const isMeant = (one: StoredResource): boolean =>
      resourceId === '' ? idKey(one.id) === idKey(resourceUri) : same(usageIdOf(one), resourceId);
    const found = this.#all().find(isMeant);
    if (!found) throw new UsageRefusal('ResourceNotFound', 'resourceId', 'The resource was not found.');
    if (!same(textOf(found.properties['publisherTenantId']), caller.tenantId))
      throw new UsageRefusal('ResourceNotAuthorized', 'resourceId', 'The caller is not authorized for the resource.');
    if (usageIdOf(found) === '') throw new UsageRefusal('ResourceNotActive', 'resourceId', 'The resource is not active.');
    this.#requireDimension(found, request);
    return describe(found);
  }

  #requireDimension({ plan }: StoredResource, { dimension, planId }: UsageRequest): void {
    const [publisher, product, name] = ['publisher', 'product', 'name'].map((key) => textOf(plan?.[key])) as [
      string,
      string,
      string,
    ];
    if (!same(name, planId))
      throw new UsageRefusal('BadArgument', 'planId', `The resource was not bought by the plan '${planId}'.`);
    const offered = this.#definitions.filter(
      (one) => one.plan && same(one.plan.publisher, publisher) && same(one.plan.product, product) && same(one.plan.name, name),
    );
    if (offered.some(({ dimensions }) => dimensions.includes(dimension))) return;
    throw new UsageRefusal('InvalidDimension', 'dimension', `The plan '${planId}' has no dimension '${dimension}'.`);
  }

  #all(): readonly StoredResource[] {
    return this.#applications.listByType('Microsoft.Solutions/applications', '/').filter(({ kind }) => kind === 'MarketPlace');
  }
}

const describe = (application: StoredResource): MeteredResource => ({
  resourceId: usageIdOf(application).toLowerCase(),
  resourceUri: application.id,
  offerId: textOf(application.plan?.['product']),
  planId: textOf(application.plan?.['name']),
  subscriptionId: application.id.split('/')[2] ?? '',
});
