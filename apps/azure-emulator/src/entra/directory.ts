import { type Collection, type Store } from '../store/store';

export interface Tenant {
  tenantId: string;
  displayName: string;
}

/** An app registration: something that tokens are for. */
export interface Application {
  applicationId: string;
  displayName: string;
  tenantId: string;
  identifierUris: string[];
  accessTokenVersion: 1 | 2;
}

export interface ServicePrincipal {
  objectId: string;
  applicationId: string;
  tenantId: string;
  displayName: string;
  /** Undefined: cannot sign in by itself (managed identities). */
  secret?: string;
  /** Id of the resource, for the service principal of a managed identity. */
  identityResourceId?: string;
}

export interface User {
  objectId: string;
  tenantId: string;
  userPrincipalName: string;
  password?: string;
}

/** What a token is asked for: the resource as the caller named it, and the registration behind it. */
export interface Audience {
  readonly resource: string;
  readonly application: Application;
}

const MICROSOFT_TENANT = 'f8cdef31-a31e-4b4a-93e4-5f571e91255a';

const microsoft = (applicationId: string, displayName: string, identifierUris: string[]): Application => ({
  applicationId,
  displayName,
  tenantId: MICROSOFT_TENANT,
  identifierUris,
  accessTokenVersion: 1,
});

export const RESOURCE_MANAGER_AUDIENCES: readonly string[] = [
  'https://management.azure.com',
  'https://management.core.windows.net',
];
export const STORAGE_AUDIENCE = 'https://storage.azure.com';

/** Azure's own resources, by the application ids that they have in every tenant. */
const MICROSOFT_APPLICATIONS: readonly Application[] = [
  microsoft('797f4846-ba00-4fd7-ba43-dac1f8f63013', 'Windows Azure Service Management API', [...RESOURCE_MANAGER_AUDIENCES]),
  microsoft('e406a681-f3d4-42a8-90b6-c2b029497af1', 'Azure Storage', [STORAGE_AUDIENCE]),
  microsoft('20e940b3-4c77-4b0b-9a53-9e16a1b010a7', 'Marketplace Metering Service', []),
  microsoft('00000003-0000-0000-c000-000000000000', 'Microsoft Graph', ['https://graph.microsoft.com']),
  microsoft('00000002-0000-0000-c000-000000000000', 'Windows Azure Active Directory', ['https://graph.windows.net']),
];

const withoutLastSlash = (uri: string): string => uri.replace(/\/+$/, '').toLowerCase();

/** Tenants and everybody in them. */
export class Directory {
  readonly #tenants: Collection<Tenant>;
  readonly #applications: Collection<Application>;
  readonly #servicePrincipals: Collection<ServicePrincipal>;
  readonly #users: Collection<User>;
  readonly #endpoint: () => string;

  /** `endpoint` is the emulator's own address, which is an audience of Resource Manager too. */
  constructor(store: Store, endpoint: () => string) {
    this.#tenants = store.collection('tenants');
    this.#applications = store.collection('applications');
    this.#servicePrincipals = store.collection('service-principals');
    this.#users = store.collection('users');
    this.#endpoint = endpoint;
  }

  putTenant(tenant: Tenant): void {
    this.#tenants.put(tenant.tenantId, tenant);
  }

  findTenant(tenantId: string): Tenant | undefined {
    return this.#tenants.get(tenantId.toLowerCase());
  }

  listTenants(): readonly Tenant[] {
    return this.#tenants.list();
  }

  putApplication(application: Application): void {
    this.#applications.put(application.applicationId, application);
  }

  putServicePrincipal(servicePrincipal: ServicePrincipal): void {
    this.#servicePrincipals.put(servicePrincipal.objectId, servicePrincipal);
  }

  removeServicePrincipal(objectId: string): void {
    this.#servicePrincipals.delete(objectId);
  }

  findServicePrincipal(tenantId: string, applicationId: string): ServicePrincipal | undefined {
    const [tenant, application] = [tenantId.toLowerCase(), applicationId.toLowerCase()];
    return this.#servicePrincipals.list().find((one) => one.tenantId === tenant && one.applicationId === application);
  }

  findServicePrincipalById(objectId: string): ServicePrincipal | undefined {
    return this.#servicePrincipals.get(objectId.toLowerCase());
  }

  putUser(user: User): void {
    this.#users.put(user.objectId, user);
  }

  findUser(tenantId: string, userPrincipalName: string): User | undefined {
    const name = userPrincipalName.toLowerCase();
    return this.#users
      .list()
      .find((one) => one.tenantId === tenantId.toLowerCase() && one.userPrincipalName.toLowerCase() === name);
  }

  /** Tenant and kind of whoever has that object id. */
  findPrincipal(objectId: string): { tenantId: string; type: 'User' | 'ServicePrincipal'; displayName: string } | undefined {
    const servicePrincipal = this.#servicePrincipals.get(objectId.toLowerCase());
    if (servicePrincipal)
      return { tenantId: servicePrincipal.tenantId, type: 'ServicePrincipal', displayName: servicePrincipal.displayName };
    const user = this.#users.get(objectId.toLowerCase());
    return user && { tenantId: user.tenantId, type: 'User', displayName: user.userPrincipalName };
  }

  /** The registration that answers to `resource`: an identifier URI (a last slash does not count) or an application id. */
  findAudience(resource: string): Audience | undefined {
    const wanted = withoutLastSlash(resource);
    const own = withoutLastSlash(this.#endpoint());
    const answersTo = (application: Application): boolean =>
      application.applicationId === wanted || application.identifierUris.some((uri) => withoutLastSlash(uri) === wanted);
    const isBlobHost = /^https:\/\/[a-z0-9]{3,24}\.blob\.core\.windows\.net$/.test(wanted);
    const application = [...MICROSOFT_APPLICATIONS, ...this.#applications.list()].find(
      (one, index) => (index === 0 && wanted === own) || (index === 1 && isBlobHost) || answersTo(one),
    );
    return application && { resource, application };
  }
}
