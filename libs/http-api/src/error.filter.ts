import { Catch, NotFoundException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError, type toErrorResponse } from '@managed-consul/errors';
import type { Logger } from '@managed-consul/observability';
import type { AllowedMethods } from './allowed-methods';
import { translateError } from './request-errors';

/** How an interface words its refusals. */
export interface Refusals {
  /** What an error is answered with; ARM's envelope unless the address belongs to another API. */
  toAnswer(
    request: FastifyRequest,
    error: unknown,
  ): ReturnType<typeof toErrorResponse> | { status: number; body: object; retryAfterSeconds?: number };
  /** Where to find what there is, as a sentence. */
  hint: string;
}

/** The one place where an error becomes an answer, with the status of its code, and a log line when it is our fault. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  readonly #log: Logger;
  readonly #allowedMethods: AllowedMethods;

  readonly #refusals: Refusals;

  constructor(log: Logger, allowedMethods: AllowedMethods, refusals: Refusals) {
    this.#refusals = refusals;
    this.#log = log;
    this.#allowedMethods = allowedMethods;
  }

  catch(exception: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const error = exception instanceof NotFoundException ? this.#missing(request, reply) : translateError(exception);
    const { correlationId } = request;
    const { status, body, retryAfterSeconds } = this.#refusals.toAnswer(request, error);
    if (status >= 500) this.#log.error({ err: exception, correlationId, route: request.routeOptions.url }, 'Request failed');
    if (retryAfterSeconds !== undefined) void reply.header('retry-after', Math.max(1, Math.ceil(retryAfterSeconds)));
    if (status === 401) void reply.header('www-authenticate', 'Bearer');
    void reply.status(status).send(body);
  }

  /** No handler took the request: either the address is wrong, or only the method. */
  #missing(request: FastifyRequest, reply: FastifyReply): AppError {
    const path = request.url.split('?', 1)[0] ?? '/';
    const methods = this.#allowedMethods.of(path);
    if (methods.length === 0) {
      return new AppError('RouteNotFound', `There is nothing at this address. ${this.#refusals.hint}`);
    }
    void reply.header('allow', methods.join(', '));
    return new AppError('MethodNotAllowed', `This address takes ${methods.join(', ')}, not ${request.method}.`);
  }
}
