import { type Principal } from './principal';
import { type JsonObject } from './json';
import { type ResourceId } from './resource-id';
import { type StoredResource, type ResourceBody } from './resource';

/**
 * How a service plugs its resource types into Resource Manager.
 *
 * A provider says what its types accept and what happens when one is made, changed, deleted or acted on. The pipeline
 * (`arm/pipeline`) does the rest for every type alike: authentication, role and deny assignments, locks, throttling,
 * api-version, ids without case, parents and groups that must exist, locations, tags, managed identities, ETags, storage, one
 * change at a time on a resource, `provisioningState`, 201/202 with `Azure-AsyncOperation`, polling, going on after a restart, the cascade
 * of a group's or a parent's deletion.
 *
 * The order of a PUT: refusals of the pipeline → `validate` → `draft` → stored as `Creating`/`Updating`, answer sent →
 * `provision` (as a long operation) → `Succeeded`, or `Failed` with the thrown `ArmError`. A type without `longRunning` is
 * `Succeeded` at once and has no `provision`. A DELETE: `beforeDelete` → `Deleting`, answer → children deleted →
 * `deprovision` → row removed → `onDeleted`.
 *
 * Hooks may run twice (the process may end between a hook and its row): look before you act.
 */
export interface ResourceType {
  readonly namespace: string;
  /** Without the namespace; children with a slash: `virtualNetworks/subnets`. */
  readonly type: string;
  /** Offered in `GET …/providers/{namespace}`; requests are never refused for another one. Newest first. */
  readonly apiVersions: readonly string[];
  /** Where resources of the type live. Default: in a resource group. */
  readonly scope?: 'resourceGroup' | 'subscription' | 'tenant' | 'extension';
  /** Default: required for a top-level type in a group, else none. */
  readonly location?: 'required' | 'optional' | 'none';
  /** Which methods the type takes. Default: all. A read-only child collection says `['GET']`. */
  readonly methods?: readonly ResourceMethod[];
  /** True: PUT, PATCH and DELETE are long operations; `delete`: only DELETE is. */
  readonly longRunning?: boolean | 'delete';
  /** `provisioningState` while a PUT or PATCH runs. Default: `Creating`, and `Updating` when it existed. */
  readonly startedState?: string;
  /** False: not in the lists of all resources of a group or subscription. Default: top-level types of a group are. */
  readonly listed?: boolean;

  /** Throws `ArmError` for a body that Azure would refuse. `write.body` of a PATCH is already merged with what exists. */
  validate?(write: ResourceWrite): Awaitable<void>;
  /** What to store of a valid body: read-only properties added, defaults filled, secrets moved to `hidden`. Default: the body as sent. */
  draft?(write: ResourceWrite): Awaitable<ResourceDraft>;
  /** The work of a PUT or PATCH of a `longRunning` type. Throw `ArmError` to fail. */
  provision?(work: ResourceWork): Promise<void>;
  /**
   * Throws `ArmError` when the resource may not go now, e.g. it is in use. When a whole group goes, what refuses is asked again
   * after the others are gone.
   */
  beforeDelete?(resource: StoredResource): Awaitable<void>;
  /** The work of a DELETE. */
  deprovision?(work: ResourceWork): Promise<void>;
  /** After the row is gone, whatever the reason. */
  onDeleted?(resource: StoredResource): Awaitable<void>;
  /** What GET shows: computed properties added. `query` holds e.g. `$expand`. Default: the stored resource without `hidden`. */
  present?(resource: StoredResource, query: URLSearchParams): Awaitable<JsonObject>;
  /** `POST {id}/{name}`; names compare without case. The permission asked is `{namespace}/{type}/{name}/action`. */
  readonly actions?: Readonly<Record<string, ResourceAction>>;
  /** An action that only this resource has, because its own properties declare it. */
  findAction?(resource: StoredResource, name: string): ResourceAction | undefined;
  /** `GET {id}/{name}` that is no child resource, e.g. `instanceView`. The permission asked is `{namespace}/{type}/{name}/read`. */
  readonly views?: Readonly<Record<string, ResourceView>>;
  /** Other than by prefix of the scope: the answer to a GET of the collection at `scope`. */
  collect?(scope: string, query: URLSearchParams): Awaitable<readonly StoredResource[]>;
  /** Where the resources are when not in the store: computed from a parent, or part of its body. */
  readonly source?: ResourceSource;
  /** For a route whose clients send what is not JSON. Throws `ArmError`. Default: strict JSON. */
  parseBody?(text: string): JsonObject;
}

export type Awaitable<Value> = Value | Promise<Value>;

export type ResourceMethod = 'GET' | 'PUT' | 'PATCH' | 'DELETE';

/** A PUT or PATCH before it is stored. */
export interface ResourceWrite {
  readonly id: ResourceId;
  readonly method: 'PUT' | 'PATCH';
  readonly body: ResourceBody;
  readonly existing: StoredResource | undefined;
  readonly caller: Principal;
  readonly query: URLSearchParams;
}

/** Parts of a resource to store in place of those in the body. */
export interface ResourceDraft {
  readonly properties: JsonObject;
  /** Never shown to anybody: custom data, keys, secure parameters. */
  readonly hidden?: JsonObject;
  readonly envelope?: Partial<Pick<StoredResource, 'kind' | 'sku' | 'managedBy' | 'zones' | 'plan' | 'tags'>>;
}

/** A long operation on one resource. */
export interface ResourceWork {
  readonly id: ResourceId;
  readonly operationId: string;
  readonly caller: Principal;
  /** As stored when the hook was called; `update` does not change this object. */
  readonly resource: StoredResource;
  /** What the resource was before this change; undefined when it is new. */
  readonly previous: StoredResource | undefined;
  /** Aborted when the process stops or when a deletion overtakes the work. */
  readonly signal: AbortSignal;
  /** Merges into `properties` and `hidden` of the stored resource, in the middle of the work. */
  update(change: { properties?: JsonObject; hidden?: JsonObject }): Promise<StoredResource>;
}

export interface ActionRequest {
  readonly id: ResourceId;
  /** Undefined only for an action with `allowMissing`. */
  readonly resource: StoredResource | undefined;
  readonly body: JsonObject;
  readonly caller: Principal;
  readonly query: URLSearchParams;
}

export interface ActionAnswer {
  readonly status: number;
  readonly body?: unknown;
}

/** The work of a long-running action; what it returns is the final answer's body (undefined: 200 without one). */
export interface ActionWork extends Omit<ResourceWork, 'previous'> {
  readonly body: JsonObject;
}

export type ResourceAction =
  | {
      readonly kind: 'immediate';
      /** True: the resource need not exist (deployments' `validate`). */
      readonly allowMissing?: boolean;
      run(request: ActionRequest): Awaitable<ActionAnswer>;
    }
  | {
      readonly kind: 'longRunning';
      readonly allowMissing?: boolean;
      /** Refuses before the 202. */
      check?(request: ActionRequest): Awaitable<void>;
      perform(work: ActionWork): Promise<unknown>;
    };

export type ResourceView = (
  resource: StoredResource,
  request: { query: URLSearchParams; caller: Principal },
) => Awaitable<unknown>;

/** Keeps the resources of a type elsewhere than in the store. */
export interface ResourceSource {
  find(id: ResourceId): Awaitable<StoredResource | undefined>;
  /** Children of `parentId` (or, of a top-level type, all in that scope). */
  list(parentId: string): Awaitable<readonly StoredResource[]>;
  save?(resource: StoredResource): Awaitable<void>;
  remove?(id: ResourceId): Awaitable<void>;
}
