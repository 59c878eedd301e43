import { SetMetadata, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import type { Requester } from '@managed-consul/access';
import { AppError } from '@managed-consul/errors';
import type {} from './request-context';

const PUBLIC = Symbol('public');
const BEARER = /^Bearer +([\w.~+/=-]+) *$/i;
const reflector = new Reflector();

/** Marks a handler or controller that asks for no token. */
export const Public = () => SetMetadata(PUBLIC, true);

/** Whether the handler that would answer asks for no token. */
export const isPublic = (context: ExecutionContext): boolean =>
  reflector.getAllAndOverride<boolean | undefined>(PUBLIC, [context.getHandler(), context.getClass()]) ?? false;

/** The bearer token of a request. Throws AuthenticationFailed without one. */
export function bearerTokenOf(request: FastifyRequest): string {
  const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
  if (token) return token;
  throw new AppError('AuthenticationFailed', "Send an Entra access token for this service as 'Authorization: Bearer <token>'.");
}

/** The verified caller of the request, as a handler's parameter. */
export const FromRequester = createParamDecorator((_: unknown, context: ExecutionContext): Requester => {
  const { requester } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!requester) throw new Error('A handler that needs a caller is marked public.');
  return requester;
});
