import { type Logger } from '@managed-consul/observability';
import { type AccessControl } from '../authorization/access-control';
import { type Locks } from '../authorization/locks';
import { type EmulatorClock } from '../clock/emulator-clock';
import { type Directory } from '../entra/directory';
import { type Faults } from '../faults/faults';
import { type ServerCertificate } from '../server/certificate-authority';
import { type EmulatorSettings } from '../settings';
import { type Store } from '../store/store';
import { type Principal } from './principal';
import { type JsonObject } from './json';
import { type StoredResource } from './resource';
import { type ResourceType } from './resource-type';
import { type Route } from '../server/route';

/** One Azure service. Made once at start by its factory, which is a line in `resource-providers.ts`. */
export interface ResourceProvider {
  readonly namespace: string;
  readonly types: readonly ResourceType[];
  /** Addresses that are no resource of the provider, e.g. `GET /subscriptions/{s}/resourcegroups/{g}/deployments/{d}/operations`. */
  readonly routes?: readonly Route[];
  /** After the store, the seed and the listener are there and before unfinished operations go on. */
  start?(): Promise<void>;
  stop?(): Promise<void>;
  /** Before `stop`, when what the provider made run (machines) is to end together with the emulator, to start with the next. */
  shutDown?(): Promise<void>;
}

export type ResourceProviderFactory = (platform: Platform) => ResourceProvider;

/** What the emulator gives to a provider. */
export interface Platform {
  readonly settings: EmulatorSettings;
  /** All time comes from here: `/_emulator/clock` moves it. */
  readonly clock: EmulatorClock;
  readonly store: Store;
  readonly log: Logger;
  readonly resources: ResourceAccess;
  readonly operations: OperationAccess;
  readonly resourceGroups: ResourceGroups;
  readonly tenants: Tenants;
  readonly directory: Directory;
  readonly access: AccessControl;
  readonly locks: Locks;
  readonly faults: Faults;
  readonly tokens: TokenIssuer;
  readonly denyAssignments: DenyAssignments;
  /** PEM of the certificate authority that signs the emulator's own certificate. */
  readonly caCertificatePem: string;
  /** For a provider that has an HTTPS listener of its own. */
  readonly certificate: ServerCertificate;
  /** `https://host:port` under which clients reach the emulator; known once it listens. */
  endpoint(): string;
}

/** A change that was accepted: the resource as stored, and the operation that is finishing it, if any. */
export interface AcceptedChange {
  readonly resource: StoredResource;
  readonly created: boolean;
  readonly operationId: string | undefined;
}

/** The same pipeline as over HTTPS (authorisation of `caller`, locks, validation, long operations), from inside. */
export interface ResourceAccess {
  /** `body` as a PUT sends it. Throws `ArmError` as the request would be refused. */
  put(id: string, body: JsonObject, caller: Principal): Promise<AcceptedChange>;
  /** Undefined: there was nothing to delete. */
  delete(id: string, caller: Principal): Promise<{ operationId: string | undefined } | undefined>;
  /** `POST {id}/{action}`, e.g. for `listKeys()` in a template: waits for the end and gives the answer's body. */
  act(id: string, action: string, body: JsonObject, caller: Principal): Promise<unknown>;
  /** The declared type by its full name (`Microsoft.Network/virtualNetworks/subnets`), without regard to case; undefined when the emulator has none. */
  findType(fullType: string): ResourceType | undefined;
  /** As stored; undefined when missing. No authorisation is asked. */
  get(id: string): Promise<StoredResource | undefined>;
  /** As a GET shows it, e.g. for `reference()` in a template. */
  present(resource: StoredResource): Promise<JsonObject>;
  /** Top-level resources of a group. */
  listByGroup(subscriptionId: string, resourceGroup: string): readonly StoredResource[];
  /** All stored resources of a type (`Microsoft.Compute/virtualMachineScaleSets`) below a scope (`/` for all). */
  listByType(fullType: string, scope: string): readonly StoredResource[];
  /** Writes past the pipeline: no hook, no operation. For a provider's own records and children. */
  save(resource: StoredResource): void;
  /** Merges into `properties` and `hidden` of what is stored. Throws when it is missing. */
  update(id: string, change: { properties?: JsonObject; hidden?: JsonObject }): StoredResource;
  /** Removes the row past the pipeline; `onDeleted` is called. */
  remove(id: string): Promise<void>;
}

export interface OperationOutcome {
  readonly status: 'Succeeded' | 'Failed' | 'Canceled';
  readonly error?: JsonObject;
  /** What a long-running action gave. */
  readonly result?: unknown;
}

export interface OperationAccess {
  /** Resolves when the operation has ended, however; rejects only when `signal` is aborted. */
  waitFor(operationId: string, signal?: AbortSignal): Promise<OperationOutcome>;
  /** Asks the unfinished operation to stop: its signal is aborted and it ends as Canceled. */
  cancel(operationId: string): Promise<void>;
}

/** A resource group as services see it. */
export interface ResourceGroupFacts {
  readonly id: string;
  readonly name: string;
  readonly location: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly managedBy: string | undefined;
}

/** Resource groups, for services that look at them or make them for a customer. No authorisation is asked. */
export interface ResourceGroups {
  /** Undefined when missing. A group that is being deleted is still found. */
  find(subscriptionId: string, name: string): ResourceGroupFacts | undefined;
  /** Makes the group, or replaces its tags and `managedBy`. */
  put(
    subscriptionId: string,
    name: string,
    group: { location: string; tags?: Readonly<Record<string, string>>; managedBy?: string },
  ): ResourceGroupFacts;
  /** Deletes the group and everything in it; resolves when it is gone (at once when it was missing). May be called again after a restart. */
  delete(subscriptionId: string, name: string, signal: AbortSignal): Promise<void>;
}

export interface Tenants {
  /** Tenant id of a subscription. Throws `SubscriptionNotFound` (404). */
  ofSubscription(subscriptionId: string): string;
}

export interface IssuedToken {
  readonly accessToken: string;
  /** Seconds since the epoch, by the emulator's clock. */
  readonly expiresOn: number;
  readonly notBefore: number;
  readonly resource: string;
}

export interface TokenIssuer {
  /**
   * A token of a user-assigned identity, as instance metadata hands it out: v1 claims with `xms_mirid`.
   * Throws `ArmError` when the identity does not exist or nobody is registered for `audience`.
   */
  issueForManagedIdentity(request: { identityResourceId: string; audience: string }): Promise<IssuedToken>;
  /** Checks a bearer token as its service would. Throws `TokenRefusedError`. */
  verify(token: string, audiences: readonly string[]): Promise<Principal>;
}

export interface DenyAssignmentRequest {
  /** GUID; the same name again replaces. */
  readonly name: string;
  readonly scope: string;
  readonly displayName: string;
  readonly description: string;
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
  /** Object ids; `everyone` denies all but `excludePrincipals`. */
  readonly principals: readonly string[] | 'everyone';
  readonly excludePrincipals: readonly string[];
}

/** Only services make deny assignments; over HTTPS they can be read. */
export interface DenyAssignments {
  put(request: DenyAssignmentRequest): void;
  remove(scope: string, name: string): void;
}
