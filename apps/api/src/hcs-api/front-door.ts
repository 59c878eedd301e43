import { setTimeout as pause } from 'node:timers/promises';
import { Controller, Get } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Requester } from '@managed-consul/access';
import { findByFrontDoorSecret, FORWARDED_PATH, forwardedRequester, isDoorBeingMade } from '@managed-consul/clusters';
import { seconds } from '@managed-consul/config';
import type { Installation } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { ApiServices } from '../api-services';
import { canonicalResource, REQUEST_PATH_HEADER } from './hcs-address';

/** Azure waits a minute for an answer, of which the request itself needs the most. */
const PATIENCE = seconds(15);
const AHEAD_OF_NEWS = seconds(10);
const LOOK_EVERY = seconds(0.5);

type Params = Partial<Record<'secret' | 'subscriptionId' | 'resourceGroup', string>>;

const isSame = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

const pathOf = (url: string): string => url.split('?', 1)[0] ?? '';

/** Whether a header that is there says the same as the address. */
function headerAgrees({ url, headers }: FastifyRequest, secret: string): boolean {
  const said = headers[REQUEST_PATH_HEADER];
  if (said === undefined) return true;
  if (typeof said !== 'string') return false;
  const path = pathOf(url).slice(`${FORWARDED_PATH}/${secret}`.length);
  return isSame(pathOf(canonicalResource(said)), path);
}

/**
 * Lets in what Azure forwards to the service. Azure proves itself with nothing but the address that it was told, so the secret in
 * there is what counts, and it opens the resource group of one installation. The same refusal for every reason: nobody learns
 * whether a secret is another's.
 */
export class FrontDoor {
  readonly #services: Pick<ApiServices, 'database' | 'log' | 'clock' | 'stopping' | 'aheadOfNews'>;

  constructor(services: Pick<ApiServices, 'database' | 'log' | 'clock' | 'stopping' | 'aheadOfNews'>) {
    this.#services = services;
  }

  /** Whether the request came to the addresses that Azure forwards to. */
  isFor(request: FastifyRequest): boolean {
    return request.routeOptions.url?.startsWith(`${FORWARDED_PATH}/`) ?? false;
  }

  /** One that comes while its application is still being registered waits for that. Throws AuthenticationFailed. */
  async requesterOf(request: FastifyRequest): Promise<Requester> {
    const { secret = '', ...place } = request.params as Params;
    const installation = await this.#find(secret, place.subscriptionId);
    if (installation && this.#isAbout(installation, place) && headerAgrees(request, secret)) {
      return forwardedRequester(installation, request.correlationId);
    }
    const { correlationId } = request;
    const known = installation === undefined ? {} : { installationId: installation.id };
    this.#services.log.warn({ ...known, route: request.routeOptions.url, correlationId }, 'Forwarded request refused');
    throw new AppError('AuthenticationFailed', 'This is not an address that Azure was told to forward this request to.');
  }

  async #find(secret: string, subscriptionId: string | undefined): Promise<Installation | undefined> {
    const { database, clock, stopping, aheadOfNews = AHEAD_OF_NEWS } = this.#services;
    const known = await findByFrontDoorSecret(database, secret);
    if (known || subscriptionId === undefined) return known;
    for (const since = performance.now(); ;) {
      // Asked before the look, so that a door which opens between the two is not missed.
      const waited = performance.now() - since;
      const isComing = waited < PATIENCE && (await isDoorBeingMade(database, subscriptionId, clock));
      const mayCome = isComing || waited < aheadOfNews;
      const installation = await findByFrontDoorSecret(database, secret);
      if (installation || !mayCome || stopping.signal.aborted) return installation;
      await pause(LOOK_EVERY, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  /** A request for the door itself names no place. */
  #isAbout(installation: Installation, { subscriptionId, resourceGroup }: Params): boolean {
    if (subscriptionId === undefined || resourceGroup === undefined) return true;
    return isSame(subscriptionId, installation.subscriptionId) && isSame(resourceGroup, installation.resourceGroup);
  }
}

/** The bare address of an endpoint, which Azure has been seen to ask for before it forwards anything. */
@Controller(`${FORWARDED_PATH.slice(1)}/:secret`)
export class FrontDoorController {
  @Get()
  greet() {
    return {};
  }
}
