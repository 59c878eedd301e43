import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { TokenVerifier } from '@managed-consul/access';
import { bearerTokenOf, isPublic } from '@managed-consul/http-api';
import type { FrontDoor } from '../hcs-api/front-door';

/** Lets a request through only with a good bearer token, or by Azure's own door, and keeps who it is from. */
export class CallerGuard implements CanActivate {
  readonly #verifier: TokenVerifier;
  readonly #frontDoor: FrontDoor;

  constructor(verifier: TokenVerifier, frontDoor: FrontDoor) {
    this.#verifier = verifier;
    this.#frontDoor = frontDoor;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (isPublic(context)) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    request.requester = this.#frontDoor.isFor(request)
      ? await this.#frontDoor.requesterOf(request)
      : { ...(await this.#verifier.verify(bearerTokenOf(request))), correlationId: request.correlationId };
    return true;
  }
}
