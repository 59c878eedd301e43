import { SetMetadata, createParamDecorator, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import type { Requester, TokenVerifier } from '@managed-consul/access';
import { AppError } from '@managed-consul/errors';
import type { FrontDoor } from '../hcs-api/front-door';

const PUBLIC = Symbol('public');

/** Marks a handler or controller that asks for no token. */
export const Public = () => SetMetadata(PUBLIC, true);

const BEARER = /^Bearer +([\w.~+/=-]+) *$/i;

/** Lets a request through only with a good bearer token, or by Azure's own door, and keeps who it is from. */
export class CallerGuard implements CanActivate {
  readonly #verifier: TokenVerifier;
  readonly #frontDoor: FrontDoor;
  readonly #reflector = new Reflector();

  constructor(verifier: TokenVerifier, frontDoor: FrontDoor) {
    this.#verifier = verifier;
    this.#frontDoor = frontDoor;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.#reflector.getAllAndOverride<boolean | undefined>(PUBLIC, [context.getHandler(), context.getClass()])) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (this.#frontDoor.isFor(request)) {
      request.requester = await this.#frontDoor.requesterOf(request);
      return true;
    }
    const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
    if (!token) {
      throw new AppError(
        'AuthenticationFailed',
        "Send an Entra access token for this service as 'Authorization: Bearer <token>'.",
      );
    }
    request.requester = { ...(await this.#verifier.verify(token)), correlationId: request.correlationId };
    return true;
  }
}

/** The verified caller of the request, as a handler's parameter. */
export const FromRequester = createParamDecorator((_: unknown, context: ExecutionContext): Requester => {
  const { requester } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!requester) throw new Error('A handler that needs a caller is marked public.');
  return requester;
});
