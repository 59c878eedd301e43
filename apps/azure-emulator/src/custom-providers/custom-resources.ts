import { ArmError } from '../arm/arm-error';
import { asJsonObject, textOf, type JsonObject } from '../arm/json';
import { KeyedQueue } from '../arm/keyed-queue';
import { idKey } from '../arm/resource-id';
import type { Platform } from '../arm/resource-provider';
import type { ServerResponse } from '../server/route';
import type { Collection } from '../store/store';
import type { CustomProviderCalls, CustomRequest } from './custom-provider-calls';
import type { EndpointAnswer } from './endpoint-calls';
import { MANIFEST_TYPE, type CustomResourceType } from './manifest';

/** A resource of a type that Azure keeps (`Proxy, Cache`). */
interface CachedResource {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly properties: JsonObject;
}

const ENDED = ['succeeded', 'failed', 'canceled'];

const isChanging = ({ properties }: CachedResource): boolean => {
  const state = properties['provisioningState'];
  return typeof state === 'string' && !ENDED.includes(state.toLowerCase());
};

const isGood = ({ status }: EndpointAnswer): boolean => status >= 200 && status < 300;

/**
 * Resources of custom types. Those of a `Proxy` type are the endpoint's alone. Those of a `Proxy, Cache` type are kept here once
 * the endpoint has accepted them: id, name and type are Azure's own, only `properties` are the endpoint's, and the endpoint is
 * asked again only while they say that the resource is still changing.
 */
export class CustomResources {
  private readonly cache: Collection<CachedResource>;
  private readonly queue = new KeyedQueue();

  constructor(
    private readonly platform: Pick<Platform, 'store' | 'access'>,
    private readonly calls: CustomProviderCalls,
  ) {
    this.cache = platform.store.collection('custom-resources');
  }

  async read(about: CustomRequest, type: CustomResourceType, name: string): Promise<ServerResponse> {
    if (!type.isCached) return this.passOn(about, type);
    const id = idOf(about, type, name);
    const kept = this.cache.get(idKey(id));
    const current = kept && isChanging(kept) ? await this.refresh(about, type, kept) : kept;
    if (current) return { status: 200, body: current };
    throw new ArmError(404, 'ResourceNotFound', `The Resource '${MANIFEST_TYPE}/${type.name}/${name}' was not found.`);
  }

  async list(about: CustomRequest, type: CustomResourceType): Promise<ServerResponse> {
    if (!type.isCached) return this.passOn(about, type);
    const value = this.cache
      .list(`${idKey(`${about.manifestId}/${type.name}`)}/`)
      .filter(({ id }) => this.platform.access.allows(about.request.caller, `${MANIFEST_TYPE}/${type.name}/read`, id));
    return { status: 200, body: { value } };
  }

  write(about: CustomRequest, type: CustomResourceType, name: string): Promise<ServerResponse> {
    const id = idOf(about, type, name);
    return this.queue.run(idKey(id), async () => {
      const answer = await this.calls.forward(about, type.endpoint, JSON.stringify(about.request.json()));
      if (!type.isCached || !isGood(answer)) return this.calls.answer(about, answer);
      const kept = this.keep(about, type, name, answer);
      return { ...this.calls.answer(about, answer), body: kept };
    });
  }

  remove(about: CustomRequest, type: CustomResourceType, name: string): Promise<ServerResponse> {
    const id = idOf(about, type, name);
    return this.queue.run(idKey(id), async () => {
      if (type.isCached && !this.cache.get(idKey(id))) return { status: 204 };
      const answer = await this.calls.forward(about, type.endpoint);
      if (type.isCached && isGood(answer)) this.cache.delete(idKey(id));
      return this.calls.answer(about, answer);
    });
  }

  /** Forgets what was kept for a provider that is gone. */
  forget(manifestId: string): void {
    for (const { id } of this.cache.list(`${idKey(manifestId)}/`)) this.cache.delete(idKey(id));
  }

  private async passOn(about: CustomRequest, type: CustomResourceType): Promise<ServerResponse> {
    return this.calls.answer(about, await this.calls.forward(about, type.endpoint));
  }

  private keep(about: CustomRequest, type: CustomResourceType, name: string, { body }: EndpointAnswer): CachedResource {
    const id = idOf(about, type, name);
    const before = this.cache.get(idKey(id));
    const kept: CachedResource = {
      id: before?.id ?? id,
      name: before?.name ?? name,
      type: `${MANIFEST_TYPE}/${type.name}`,
      properties: asJsonObject(body?.['properties']),
    };
    this.cache.put(idKey(id), kept);
    return kept;
  }

  /** What the endpoint says now. When it cannot say, what was known stays. */
  private async refresh(
    about: CustomRequest,
    type: CustomResourceType,
    kept: CachedResource,
  ): Promise<CachedResource | undefined> {
    const answer = await this.calls.forward(about, type.endpoint);
    if (isGood(answer) && answer.body) return this.keep(about, type, kept.name, answer);
    if (answer.status !== 404) return kept;
    this.cache.delete(idKey(kept.id));
    return undefined;
  }
}

const NAME = /^[^<>%&\\?/\p{Cc}]{1,260}$/u;

function idOf({ manifestId }: CustomRequest, { name: type }: CustomResourceType, name: string): string {
  if (NAME.test(name)) return `${manifestId}/${type}/${textOf(name)}`;
  throw new ArmError(400, 'InvalidResourceName', `The resource name '${name}' is invalid: reserved characters or too long.`);
}
